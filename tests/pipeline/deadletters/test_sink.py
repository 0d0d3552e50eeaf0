"""The sink: an event is in the topic before its answer is given."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import dead_letters
from medpattern.pipeline.deadletters.letter import read_letter
from medpattern.pipeline.deadletters.settings import SinkSettings
from medpattern.pipeline.deadletters.sink import Entrance, Sink
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.deadletters.events import MAKER, given_up, image, notification, problem, record
from tests.pipeline.kafka.topics import everything_in
from tests.pipeline.samples import KEYS
from tests.pipeline.waiting import eventually

TOPIC = "dead-letters"


@pytest.fixture
def kafka() -> Iterator[KafkaSettings]:
    with closing(EmbeddedBroker({TOPIC: 1})) as broker:
        yield KafkaSettings(broker.bootstrap)


@pytest.fixture
def start(kafka: KafkaSettings) -> Iterator[Callable[..., TestClient]]:
    clients: list[TestClient] = []

    def begin(database_url: str = "", bootstrap: str = "") -> TestClient:
        where = KafkaSettings(bootstrap) if bootstrap else kafka
        settings = SinkSettings(where, TOPIC, "recorder", MAKER, database_url, most_bytes=100_000)
        clients.append(TestClient(Sink(settings).app()))
        return clients[-1].__enter__()

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


def post(client: TestClient, data: bytes, **extensions: str) -> int:
    event = given_up(data, **extensions)
    return client.post("/", content=event.data, headers=event.headers()).status_code


def test_an_accepted_event_is_in_the_topic(kafka: KafkaSettings, start: Callable[..., TestClient]) -> None:
    assert post(start(), notification(record("DOE^JANE")), **problem(422, "not-an-image", "no known format")) == 202
    (kept,) = everything_in(kafka, TOPIC)
    letter = read_letter(kept.value())
    assert kept.key().decode() == letter.id == KEYS.image_id(image("DOE^JANE"))
    assert (letter.reason, letter.detail, letter.retryable) == ("not-an-image", "no known format", False)
    assert b"DOE^" not in kept.value()


def test_a_repeat_is_accepted_under_the_same_key(kafka: KafkaSettings, start: Callable[..., TestClient]) -> None:
    client = start()
    assert [post(client, notification(record("a"))) for _ in range(3)] == [202] * 3
    assert len({kept.key() for kept in everything_in(kafka, TOPIC)}) == 1


def test_all_images_of_an_event_are_kept(kafka: KafkaSettings, start: Callable[..., TestClient]) -> None:
    assert post(start(), notification(record("a"), record("b"), record("c", "else"))) == 202
    assert len(everything_in(kafka, TOPIC)) == 3


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"[" * 50_000, b'{"Records": [1]}'])
def test_whatever_lies_in_the_input_topic_is_kept(
    kafka: KafkaSettings, start: Callable[..., TestClient], data: bytes
) -> None:
    assert post(start(), data) == 202
    assert len(everything_in(kafka, TOPIC)) == 1


def test_what_is_no_event_is_refused(start: Callable[..., TestClient]) -> None:
    client = start()
    assert client.post("/", content=b"{}").status_code == 422
    assert post(client, b"x" * 100_001) == 422
    assert client.get("/").status_code == 405


def test_without_kafka_it_asks_for_a_repeat() -> None:
    def refuse(_: object) -> None:
        raise Unavailable("kafka", "not acknowledged: _MSG_TIMED_OUT")

    from starlette.applications import Starlette
    from starlette.routing import Route

    client = TestClient(Starlette(routes=[Route("/", Entrance(MAKER, refuse, 1000).take, methods=["POST"])]))
    event = given_up(b"x")
    answer = client.post("/", content=event.data, headers=event.headers())
    assert (answer.status_code, answer.headers["medpattern-unavailable"]) == (503, "kafka")


def test_it_is_ready_once_the_brokers_answer(start: Callable[..., TestClient]) -> None:
    client = start()
    eventually(lambda: client.get("/v2/health/ready").status_code == 200)
    assert client.get("/v2/health/live").status_code == 200
    away = start(bootstrap="127.0.0.1:1")
    assert away.get("/v2/health/ready").status_code == 503
    assert away.get("/v2/health/live").status_code == 200


def test_metrics_count_letters(start: Callable[..., TestClient]) -> None:
    client = start()
    name = 'medpattern_dead_letters_total{retryable="false"}'

    def count() -> float:
        return sum(float(line.split()[1]) for line in client.get("/metrics").text.splitlines() if line.startswith(name))

    before = count()
    post(client, notification(record("a")), **problem(422, "not-an-image"))
    assert count() == before + 1


def test_with_a_database_it_records_too(tmp_path: Path, start: Callable[..., TestClient]) -> None:
    url = f"sqlite:///{tmp_path / 'letters.sqlite'}"
    engine = open_engine(url)
    migrate(engine)

    def images() -> list[str]:
        with engine.begin() as connection:
            return list(connection.scalars(select(dead_letters.c.image_id)))

    assert post(start(url), notification(record("a"))) == 202
    eventually(lambda: images() == [KEYS.image_id(image("a"))])
    engine.dispose()


def test_the_log_names_nobody(start: Callable[..., TestClient], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post(start(), notification(record("DOE^JANE")), **problem(422, "not-an-image"))
    said = json.dumps([str(vars(line)) for line in caplog.records])
    assert KEYS.image_pseudonym(image("DOE^JANE")) in said
    assert "DOE^" not in said
    assert KEYS.image_id(image("DOE^JANE")) not in said
