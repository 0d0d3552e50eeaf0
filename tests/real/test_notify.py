"""`medpattern notify` with Apache Kafka and PostgreSQL, killed, doubled, and with both of them away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import notifications
from medpattern.pipeline.events.results import Outcome
from medpattern.pipeline.notification.outgoing import Notification, Outgoing
from tests.pipeline.notification.notices import event, notice
from tests.pipeline.notification.test_outgoing import notification
from tests.real.servers.kafka.access import allow, new_user
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import send
from tests.real.servers.listener import Listener
from tests.real.servers.names import unique
from tests.real.servers.ports import free_port
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.processes import Process, until
from tests.real.servers.smtp import MailServer
from tests.real.stage import plain, stage, with_password


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = open_engine(database.conninfo)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def settings(
    kafka: Kafka,
    topic: str,
    engine: Engine,
    database: Database,
    mail_server: MailServer,
    listener: Listener,
    tmp_path: Path,
) -> dict[str, str]:
    (tmp_path / "url").write_text(database.conninfo)
    return plain(kafka) | {
        "MEDPATTERN_RESULTS_TOPIC": topic,
        "MEDPATTERN_NOTIFY_GROUP": topic,
        "MEDPATTERN_DATABASE_URL_FILE": str(tmp_path / "url"),
        "MEDPATTERN_SMTP_HOST": mail_server.host,
        "MEDPATTERN_SMTP_PORT": str(mail_server.port),
        "MEDPATTERN_SMTP_SECURITY": "none",
        "MEDPATTERN_SMTP_FROM": "xray@example.org",
        "MEDPATTERN_SMTP_TO": "ward@example.org",
        "MEDPATTERN_WEBHOOK_URL": listener.url,
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts stages, which end with the test."""
    with ExitStack() as running:

        def begin(environment: Mapping[str, str], *options: str) -> Process:
            process = stage(tmp_path / unique("notify"), "notify", *options, environment=environment)
            running.callback(process.stop)
            return process.start()

        yield begin


def tell(kafka: Kafka, topic: str, count: int, first: int = 0, **changes: Any) -> None:
    send(kafka.client(), topic, [(None, event(f"{number}", **changes)) for number in range(first, first + count)])


def states(engine: Engine) -> Counter[str]:
    with engine.begin() as connection:
        return Counter(connection.execute(select(notifications.c.state)).scalars())


def mail_ids(server: MailServer) -> Counter[str]:
    return Counter(mail.message["Message-ID"] for mail in server.mails)


def expected_ids(count: int) -> set[str]:
    return {f"<{notice(f'{number}').image_id}-mail@example.org>" for number in range(count)}


def test_everybody_is_told_through_a_kill(
    kafka: Kafka, topic: str, engine: Engine, settings: dict[str, str], start: Callable[..., Process],
    mail_server: MailServer, listener: Listener,
) -> None:  # fmt: skip
    tell(kafka, topic, 100)
    tell(kafka, topic, 50, first=1000, outcome=Outcome.NORMAL)
    tell(kafka, topic, 50)
    first = start(settings)
    until(lambda: len(mail_server.mails) >= 20, "the first mails", seconds=60)
    first.kill()
    second = start(settings)
    # What the killed process had just taken is due again when its lease has ended; let that be now.
    until(lambda: states(engine).total() == 200, "all are recorded", seconds=60)
    with engine.begin() as connection:
        connection.execute(
            notifications.update().where(notifications.c.state == "pending").values(due_at=notifications.c.recorded_at)
        )
    until(lambda: states(engine) == {"sent": 200}, "all are told", seconds=120)
    second.stop()
    assert second.wait(1) == 0
    assert set(mail_ids(mail_server)) == expected_ids(100)
    keys = Counter(request.headers["idempotency-key"] for request in listener.requests)
    assert set(keys) == {f"{notice(f'{number}').image_id}-webhook" for number in range(100)}
    # Only what was on its way when the process died, one message a channel, may have been sent twice.
    assert mail_ids(mail_server).total() <= 101 + 1
    assert keys.total() <= 101 + 1


def test_two_at_once_tell_nobody_twice(
    kafka: Kafka,
    topic: str,
    engine: Engine,
    settings: dict[str, str],
    start: Callable[..., Process],
    mail_server: MailServer,
) -> None:
    both = [start(settings), start(settings)]
    tell(kafka, topic, 150)
    until(lambda: states(engine) == {"sent": 300}, "all are told", seconds=120)
    assert mail_ids(mail_server) == dict.fromkeys(expected_ids(150), 1)
    for process in both:
        process.stop()
        assert process.wait(1) == 0


def test_rows_that_another_sender_is_taking_are_skipped(engine: Engine, database: Database) -> None:
    Outgoing(engine).record([notification(number) for number in range(2)])
    other = open_engine(database.conninfo)
    with other.begin() as connection:
        held = connection.execute(select(notifications.c.notification_id).limit(1).order_by(notifications.c.due_at)
                                  .with_for_update()).scalar_one()  # fmt: skip
        taken = Outgoing(engine).take("mail")
        assert taken is not None
        assert taken.id != held
        assert Outgoing(engine).take("mail") is None
    other.dispose()


def test_an_outage_of_database_and_broker_is_waited_out(
    kafka: Kafka, topic: str, engine: Engine, settings: dict[str, str], start: Callable[..., Process],
    mail_server: MailServer, postgres: Postgres,
) -> None:  # fmt: skip
    process = start(settings)
    tell(kafka, topic, 10)
    until(lambda: states(engine) == {"sent": 20}, "the first", seconds=60)
    postgres.kill9()
    tell(kafka, topic, 10, first=10)
    postgres.start()
    engine.dispose()
    until(lambda: states(engine) == {"sent": 40}, "those of the database's outage", seconds=60)
    kafka.kill9(1)
    kafka.restart(1)
    tell(kafka, topic, 10, first=20)
    until(lambda: states(engine) == {"sent": 60}, "those after the broker's death", seconds=120)
    assert mail_ids(mail_server) == dict.fromkeys(expected_ids(30), 1)
    assert process.alive


def test_a_name_that_fills_its_column_is_taken(engine: Engine) -> None:
    found = notice("a", outcome=Outcome.UNSURE)
    from medpattern.pipeline.notification.message import message_of
    from medpattern.pipeline.notification.policy import notification_id

    message = message_of(found, "https://results.example.org")
    one = Notification(notification_id(found, "webhook"), found.result_id, "webhook", message)
    assert Outgoing(engine).record([one]) == 1


def test_health_and_metrics_have_a_port(
    kafka: Kafka, topic: str, engine: Engine, settings: dict[str, str], start: Callable[..., Process]
) -> None:
    import urllib3

    port = free_port()

    def get(path: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=10, timeout=5)

    process = start(settings, "--metrics-port", str(port))
    process.wait_ready(lambda: "notifying" in process.text())
    until(lambda: get("/v2/health/ready").status == 200, "it is ready")
    tell(kafka, topic, 3)
    until(lambda: 'medpattern_notifications{state="sent"} 6.0' in get("/metrics").data.decode(), "six are counted")


def test_a_wrong_password_of_the_broker_ends_it_and_is_said(
    kafka_secure: Kafka, settings: dict[str, str], start: Callable[..., Process], tmp_path: Path
) -> None:
    topic = kafka_secure.create_topic(unique("results"))
    user = new_user(kafka_secure, unique("notify"))
    allow(kafka_secure, user, operations="read", topic=topic)
    allow(kafka_secure, user, operations="read", group=topic)
    names = {"MEDPATTERN_RESULTS_TOPIC": topic, "MEDPATTERN_NOTIFY_GROUP": topic}
    right = start(settings | names | with_password(tmp_path, kafka_secure, user))
    right.wait_ready(lambda: "notifying" in right.text())
    right.stop()
    assert right.wait(1) == 0
    wrong = start(settings | names | with_password(tmp_path, kafka_secure, user, "another password"))
    assert wrong.wait(60) == 3
    assert "refused the user name or password" in wrong.text()
    assert "another password" not in wrong.text()
