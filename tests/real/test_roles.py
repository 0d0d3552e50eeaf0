"""What each program's role may do in PostgreSQL: what the program does, and no more."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import ProgrammingError

from medpattern.errors import UsageError
from medpattern.pipeline.clock import now
from medpattern.pipeline.database import purging
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision, migrate
from medpattern.pipeline.database.purging import Act, ImageName
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.roles import RIGHTS, Role, grant
from medpattern.pipeline.database.schema import metadata
from medpattern.pipeline.database.standing import Known, Lease
from medpattern.pipeline.database.verdicts import add_verdict, read_result, verdicts_of
from medpattern.pipeline.deadletters.recorder import Recorder
from medpattern.pipeline.deadletters.replay import Letters
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.kafka.reader import Record
from medpattern.pipeline.notification.outgoing import Outgoing
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from tests.pipeline.deadletters.events import MAKER, given_up, notification, record
from tests.pipeline.samples import result_of
from tests.real.servers.names import unique_identifier
from tests.real.servers.postgres import Database, Postgres

RESULT = result_of(ObjectVersion("xrays", "a.png", "v1"))
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
As = Callable[[Role], Engine]


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    """The tables, as the role that makes them."""
    made = open_engine(database.conninfo)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def names(postgres: Postgres, database: Database) -> Iterator[dict[Role, str]]:
    """A role for each program, which may connect and nothing else."""
    made = {role: unique_identifier("role") for role in Role}
    for name in made.values():
        postgres.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{database.password}'")
        postgres.execute(f"GRANT CONNECT ON DATABASE {database.name} TO {name}")
    yield made
    for name in made.values():
        postgres.execute(f"DROP OWNED BY {name}", Database(postgres.port, database.name, *_super(postgres)))
        postgres.execute(f"REVOKE ALL ON DATABASE {database.name} FROM {name}")
        postgres.execute(f"DROP ROLE {name}")


def _super(postgres: Postgres) -> tuple[str, str]:
    return postgres.superuser.role, postgres.superuser.password


@pytest.fixture
def as_role(owner: Engine, names: dict[Role, str], database: Database) -> Iterator[As]:
    """Connections of the programs, after the grants."""
    grant(owner, names)
    made: list[Engine] = []

    def connect(role: Role) -> Engine:
        who = Database(database.port, database.name, names[role], database.password)
        made.append(open_engine(who.conninfo, connections=1))
        return made[-1]

    yield connect
    for engine in made:
        engine.dispose()


def refused(engine: Engine, statement: str) -> bool:
    with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
        connection.execute(text(statement))
    return True


def test_each_role_has_the_listed_privileges_and_no_other(owner: Engine, names: dict[Role, str]) -> None:
    grant(owner, names)
    tables = [*metadata.tables, "alembic_version"]
    with owner.begin() as connection:
        for role, name in names.items():
            listed = {(right.table, privilege) for right in RIGHTS[role] if not right.columns
                      for privilege in right.privileges}  # fmt: skip
            held = {
                (table, privilege)
                for table in tables
                for privilege in ALL
                if connection.scalar(
                    text("SELECT has_table_privilege(:who, :what, :how)"),
                    {"who": name, "what": table, "how": privilege},
                )
            }
            assert held == listed, role


def test_the_service_takes_an_image_to_its_result_and_cannot_change_it(as_role: As) -> None:
    engine = as_role(Role.SERVICE)
    check_revision(engine)
    results = Results(engine)
    lease = results.begin(RESULT.result_id, RESULT.image_id, "worker")
    assert isinstance(lease, Lease)
    assert results.commit(RESULT, lease, "{}")
    results.published([RESULT.result_id])
    assert isinstance(results.begin(RESULT.result_id, RESULT.image_id, "worker"), Known)
    results.supersede(Lease("0" * 64, "1" * 64, "worker"), "p", "gone", None)
    results.check()
    assert refused(engine, "UPDATE results SET outcome = 'normal'")
    assert refused(engine, "DELETE FROM results")
    assert refused(engine, "SELECT * FROM verdicts")


def scored(as_role: As) -> None:
    results = Results(as_role(Role.SERVICE))
    lease = results.begin(RESULT.result_id, RESULT.image_id, "worker")
    assert isinstance(lease, Lease)
    assert results.commit(RESULT, lease, "{}")


def test_the_results_api_appends_verdicts_and_audit_rows_and_changes_none(as_role: As) -> None:
    scored(as_role)
    engine = as_role(Role.RESULTS_API)
    check_revision(engine)
    assert add_verdict(engine, RESULT.result_id, NewVerdict(Opinion.AGREE, "dr.osei")) is not None
    assert add_verdict(engine, "0" * 64, NewVerdict(Opinion.AGREE, "dr.osei")) is None
    purging.note(engine, ["p"], Act("dr.osei", "purpose", ""))
    assert read_result(engine, RESULT.result_id) == RESULT
    assert len(verdicts_of(engine, [RESULT.result_id])[RESULT.result_id]) == 1
    for change in (
        "UPDATE verdicts SET comment = ''",
        "DELETE FROM verdicts",
        "TRUNCATE verdicts",
        "UPDATE audit SET purpose = ''",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE results SET reason = ''",
        "DELETE FROM results",
    ):
        assert refused(engine, change)
    assert refused(engine, "SELECT * FROM audit")
    assert refused(engine, "INSERT INTO results SELECT * FROM results")
    assert refused(engine, "SELECT * FROM dead_letters")


def test_notify_keeps_its_messages_and_sees_no_result(as_role: As) -> None:
    engine = as_role(Role.NOTIFY)
    outgoing = Outgoing(engine)
    assert outgoing.revive() == 0
    assert refused(engine, "SELECT * FROM results")
    assert refused(engine, "DELETE FROM notifications")


def test_housekeeping_purges_and_replays_and_leaves_the_audit_alone(as_role: As) -> None:
    scored(as_role)
    add_verdict(as_role(Role.RESULTS_API), RESULT.result_id, NewVerdict(Opinion.AGREE, "dr.osei"))
    engine = as_role(Role.HOUSEKEEPING)
    image = ImageName(RESULT.image_id, RESULT.image_pseudonym)
    assert purging.results_before(engine, now() + timedelta(days=1)) == {image}
    assert purging.bury(engine, [image], Act("nightly", "retention", "")) == [RESULT.image_id]
    assert purging.live_leases(engine, [RESULT.image_id]) == 0
    assert purging.forget_results(engine, [RESULT.image_id]) == purging.Rows(results=1, verdicts=1)
    # In a cluster the sink has no database: it is replay that records the topic.
    (letter,) = MAKER.letters_of(given_up(notification(record("lost"))), now())
    Recorder(engine, lambda _ids: None).handle([Record(0, 0, letter.id, letter.record())])
    letters = Letters(engine)
    assert letters.settled() == []
    letters.mark(["none"])
    letters.forget(["none"])
    assert refused(engine, "DELETE FROM audit")
    assert refused(engine, "UPDATE audit SET who = ''")
    assert refused(engine, "DELETE FROM tombstones")
    assert refused(engine, "UPDATE verdicts SET comment = ''")


def test_grafana_reads_numbers_and_no_words_of_people(as_role: As) -> None:
    scored(as_role)
    engine = as_role(Role.GRAFANA)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM results WHERE outcome IS NOT NULL")) == 1
        for table in ("verdicts", "audit", "notifications", "dead_letters", "outbox", "leases"):
            connection.execute(select(func.count()).select_from(metadata.tables[table]))
    assert refused(engine, "SELECT reader FROM verdicts")
    assert refused(engine, "SELECT purpose FROM audit")
    assert refused(engine, "SELECT sealed FROM dead_letters")
    assert refused(engine, "INSERT INTO audit (audit_id) VALUES ('x')")


def test_grants_take_what_was_given_by_hand(owner: Engine, names: dict[Role, str], as_role: As) -> None:
    name = names[Role.RESULTS_API]
    with owner.begin() as connection:
        connection.execute(text(f"GRANT ALL ON audit TO {name}"))
        connection.execute(text("GRANT DELETE ON verdicts TO PUBLIC"))
    grant(owner, names)
    engine = as_role(Role.RESULTS_API)
    assert refused(engine, "DELETE FROM audit")
    assert refused(engine, "DELETE FROM verdicts")


def test_role_that_is_not_there_is_named(owner: Engine) -> None:
    absent = f"absent_{secrets.token_hex(4)}"
    with pytest.raises(UsageError, match=absent):
        grant(owner, {Role.NOTIFY: absent})


def test_role_without_grants_is_told_so_when_it_begins(
    names: dict[Role, str], owner: Engine, database: Database
) -> None:
    who = Database(database.port, database.name, names[Role.SERVICE], database.password)
    engine = open_engine(who.conninfo)
    with pytest.raises(Unavailable, match=r"InsufficientPrivilege|medpattern migrate"):
        check_revision(engine)
    engine.dispose()
