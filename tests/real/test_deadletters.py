"""`medpattern deadletter` and `medpattern replay` against Apache Kafka and PostgreSQL, as processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sqlalchemy import Engine, func, select

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import dead_letters, outbox, results
from tests.pipeline.deadletters.events import BUCKET, SEAL, given_up, image, notification, problem, record
from tests.pipeline.samples import KEYS, result_of
from tests.real.servers.kafka.access import Identity, allow, new_user
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import read_all
from tests.real.servers.names import unique
from tests.real.servers.ports import free_port
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.processes import Process, until
from tests.real.stage import plain, stage, with_password


@dataclass(frozen=True, slots=True)
class Chain:
    """A sink's process, and what a replay needs."""

    folder: Path
    kafka: Kafka
    engine: Engine
    letters: str
    images: str
    port: int
    environment: Mapping[str, str]

    def sink(self, **more: str) -> Process:
        """The sink, not started. In a cluster it has no database."""
        given = {**self.environment, "MEDPATTERN_DATABASE_URL_FILE": "", **more}
        return stage(self.folder / unique("sink"), "deadletter", "--port", str(self.port), environment=given)

    def serves(self) -> bool:
        try:
            answer = urllib3.request("GET", f"http://127.0.0.1:{self.port}/v2/health/ready", retries=False, timeout=2)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def give_up(self, key: str, **extensions: str) -> int:
        """The status of the sink's answer; 0 where there was none."""
        event = given_up(notification(record(key)), **extensions)
        url = f"http://127.0.0.1:{self.port}/"
        try:
            answer = urllib3.request("POST", url, body=event.data, headers=event.headers(), retries=False, timeout=20)
        except urllib3.exceptions.HTTPError:
            return 0
        return answer.status

    def replay(self, *options: str, exit_code: int = 0, **more: str) -> dict[str, Any]:
        """Runs `medpattern replay`, and returns its summary."""
        given = {**self.environment, **more}
        folder = self.folder / unique("replay")
        process = stage(folder, "replay", *options, "--output", "json", environment=given)
        process.start()
        assert process.wait(60) == exit_code, process.tail()
        said = process.text()
        return json.loads(said[said.index("{\n") : said.rindex("}") + 1]) if exit_code == 0 else {"said": said}

    def conclude(self, key: str) -> None:
        result = result_of(image(key))
        with self.engine.begin() as connection:
            connection.execute(results.insert().values(**result.row()))
            connection.execute(outbox.insert().values(result_id=result.result_id, event="", published_at=now()))

    def recorded(self) -> int:
        with self.engine.begin() as connection:
            return connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = open_engine(database.conninfo)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def chain(kafka: Kafka, database: Database, engine: Engine, tmp_path: Path) -> Chain:
    letters, images = kafka.create_topic(unique("letters")), kafka.create_topic(unique("images"), partitions=3)
    return Chain(tmp_path, kafka, engine, letters, images, free_port(), _settings(tmp_path, database, letters, images)
                 | plain(kafka))  # fmt: skip


def _settings(folder: Path, database: Database, letters: str, images: str) -> dict[str, str]:
    secrets = {
        "MEDPATTERN_IDENTITY_KEY_FILE": KEYS.identity,
        "MEDPATTERN_PSEUDONYM_KEY_FILE": KEYS.pseudonym,
        "MEDPATTERN_DEAD_LETTER_KEY_FILE": SEAL.secrets[0],
        "MEDPATTERN_DATABASE_URL_FILE": database.conninfo.encode(),
    }
    files = {}
    for name, text in secrets.items():
        (folder / name).write_bytes(text)
        files[name] = str(folder / name)
    return files | {
        "MEDPATTERN_SOURCE_BUCKET": BUCKET,
        "MEDPATTERN_DEAD_LETTERS_TOPIC": letters,
        "MEDPATTERN_DEAD_LETTERS_GROUP": letters,
        "MEDPATTERN_INPUT_TOPIC": images,
    }


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(process: Process, chain: Chain, running: ExitStack) -> Process:
    running.callback(process.stop)
    return process.start().wait_ready(chain.serves)


def test_what_was_accepted_survives_a_kill_and_is_replayed_once(chain: Chain, running: ExitStack) -> None:
    sink = start(chain.sink(), chain, running)
    keys = [f"DOE^JANE {number}" for number in range(60)]
    for number, key in enumerate(keys):
        cause = problem(422, "not-an-image") if number % 3 == 0 else problem(503, "s3-unavailable")
        if number == 30:
            sink.kill()
            sink = start(chain.sink(), chain, running)
        until(lambda key=key, cause=cause: chain.give_up(key, **cause) == 202, "the sink takes it")  # type: ignore[misc]
    for kept in read_all(chain.kafka.client(), chain.letters):
        # Neither sign is a letter of base64, in which three letters alone turn up by chance.
        assert b"DOE^" not in (kept.value or b"")
        assert b"DOE%5E" not in (kept.value or b"")
    assert chain.replay("--dry-run")["unrecorded"] >= 60
    assert chain.recorded() == 0
    found = chain.replay("--retryable")
    assert (found["replayed"], found["settled"], found["unopened"]) == (40, 0, 0)
    assert chain.replay("--retryable") | {"waiting": 0} == {**dict.fromkeys(found, 0), "dryRun": False}
    sent = read_all(chain.kafka.client(), chain.images)
    assert sorted(one.value or b"" for one in sent) == sorted(
        notification(record(key)) for number, key in enumerate(keys) if number % 3
    )
    assert {one.headers["replay"] for one in sent} == {b"1"}
    assert chain.replay("--reason", "not-an-image")["replayed"] == 20


def test_outcomes_settle_letters_and_leave_null_records(chain: Chain, running: ExitStack) -> None:
    start(chain.sink(), chain, running)
    for key in "abc":
        assert chain.give_up(key) == 202
    chain.conclude("a")
    assert chain.replay("--limit", "1") == {
        "recorded": 3, "unrecorded": 0, "settled": 1, "replayed": 1, "waiting": 0, "exhausted": 0, "unopened": 0,
        "incomplete": 0, "dryRun": False,
    }  # fmt: skip
    assert chain.recorded() == 2
    last = read_all(chain.kafka.client(), chain.letters)[-1]
    assert (last.key, last.value) == (KEYS.image_id(image("a")).encode(), None)


def test_a_sink_with_a_database_records_beside_a_replay(chain: Chain, running: ExitStack) -> None:
    database = {"MEDPATTERN_DATABASE_URL_FILE": chain.environment["MEDPATTERN_DATABASE_URL_FILE"]}
    start(chain.sink(**database), chain, running)
    for number in range(20):
        assert chain.give_up(f"{number}") == 202
    assert chain.replay("--retryable")["replayed"] == 20
    for number in range(20, 40):
        assert chain.give_up(f"{number}") == 202
    until(lambda: chain.recorded() == 40, "the sink records what came later")
    assert chain.replay("--retryable")["replayed"] == 20


def test_recording_waits_for_a_database_that_was_killed(chain: Chain, running: ExitStack, postgres: Postgres) -> None:
    database = {"MEDPATTERN_DATABASE_URL_FILE": chain.environment["MEDPATTERN_DATABASE_URL_FILE"]}
    start(chain.sink(**database), chain, running)
    assert chain.give_up("a") == 202
    until(lambda: chain.recorded() == 1, "the first letter")
    postgres.kill9()
    assert chain.give_up("b") == 202
    postgres.start()
    chain.engine.dispose()
    until(lambda: chain.recorded() == 2, "the second letter", seconds=60)


def test_a_lost_key_is_said(chain: Chain, running: ExitStack, tmp_path: Path) -> None:
    start(chain.sink(), chain, running)
    assert chain.give_up("a") == 202
    other = tmp_path / "other"
    other.write_text("another key that opens nothing, long enough")
    said = chain.replay(exit_code=1, MEDPATTERN_DEAD_LETTER_KEY_FILE=str(other))["said"]
    assert '"unopened": 1' in said
    assert other.read_text() not in said
    former = chain.environment["MEDPATTERN_DEAD_LETTER_KEY_FILE"]
    keys = {"MEDPATTERN_DEAD_LETTER_KEY_FILE": str(other), "MEDPATTERN_DEAD_LETTER_KEY_PREVIOUS_FILE": former}
    assert chain.replay(**keys)["replayed"] == 1


def test_least_rights_suffice_and_a_wrong_password_is_said(
    kafka_secure: Kafka, database: Database, engine: Engine, running: ExitStack, tmp_path: Path
) -> None:
    letters, images = kafka_secure.create_topic(unique("letters")), kafka_secure.create_topic(unique("images"))
    writer, replayer = (new_user(kafka_secure, unique(name)) for name in ("sink", "replay"))
    allow(kafka_secure, writer, operations="write", topic=letters)
    allow(kafka_secure, replayer, operations="read write", topic=letters)
    allow(kafka_secure, replayer, operations="read", group=letters)
    allow(kafka_secure, replayer, operations="write", topic=images)
    settings = _settings(tmp_path, database, letters, images)

    def chain_of(identity: Identity, password: str = "") -> Chain:
        folder = tmp_path / unique("folder")
        folder.mkdir()
        secure = with_password(folder, kafka_secure, identity, password)
        return Chain(folder, kafka_secure, engine, letters, images, free_port(), settings | secure)

    chain = chain_of(writer)
    start(chain.sink(), chain, running)
    assert chain.give_up("a") == 202
    assert chain_of(replayer).replay()["replayed"] == 1
    for identity, password, why in (
        (replayer, "another password", "refused the user name or password"),
        (writer, "", "not for this user"),
    ):
        said = chain_of(identity, password).replay(exit_code=3)["said"]
        assert why in said
        assert identity.password not in said
