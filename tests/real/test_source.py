"""`medpattern source` against Apache Kafka: plain, with TLS and access control, killed, and with brokers that die."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.source.sink import Reply, ScriptedSink, always, sink
from tests.real.servers.kafka.access import Identity, allow, new_certificate, new_user
from tests.real.servers.kafka.cluster import Kafka, admin_api
from tests.real.servers.kafka.records import send
from tests.real.servers.names import unique
from tests.real.servers.processes import Process, until
from tests.real.stage import plain, stage, with_certificate, with_password

REFUSED = "kafka is unavailable: "


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts sources, which end with the test."""
    with ExitStack() as running:

        def begin(topic: str, there: ScriptedSink, environment: Mapping[str, str], *more: str) -> Process:
            options = ["--topic", topic, "--sink", there.url, "--dead-letter-sink", there.url, "--group", topic]
            folder = tmp_path / unique("source")
            process = stage(folder, "source", *options, "--backoff-delay", "PT0.1S", *more, environment=environment)
            running.callback(process.stop)
            return process.start()

        yield begin


def numbered(count: int, first: int = 0) -> list[tuple[bytes, bytes]]:
    return [(b"%d" % number, b"%d" % number) for number in range(first, first + count)]


def values(count: int) -> set[bytes]:
    return {value for _, value in numbered(count)}


def committed(kafka: Kafka, group: str, topic: str) -> int:
    """How many records of the topic the group has committed."""
    api: Any = admin_api()
    asked = [api.ConsumerGroupTopicPartitions(group)] if hasattr(api, "ConsumerGroupTopicPartitions") else []
    if not asked:
        from confluent_kafka import ConsumerGroupTopicPartitions

        asked = [ConsumerGroupTopicPartitions(group)]
    found = kafka.admin().list_consumer_group_offsets(asked)[group].result(20)
    return sum(place.offset for place in found.topic_partitions if place.topic == topic and place.offset > 0)


def test_everything_is_delivered_and_committed_through_a_kill(
    kafka: Kafka, topic: str, start: Callable[..., Process]
) -> None:
    send(kafka.client(), topic, numbered(500))
    slow = always(Reply(seconds=0.005))
    with sink(slow) as there:
        environment = plain(kafka) | {"MEDPATTERN_SOURCE_SESSION_SECONDS": "6"}
        first = start(topic, there, environment)
        until(lambda: len(there.posts) > 100, "the first hundred events")
        first.kill()
        second = start(topic, there, environment)
        until(lambda: values(500) <= {*there.bodies}, "500 events", seconds=120)
        second.stop()
        assert second.wait(1) == 0
    assert committed(kafka, topic, topic) == 500
    # Only what was on its way or not committed when the process died came twice.
    assert len(there.posts) < 500 + 200


def test_two_sources_share_the_work_and_hand_it_over(kafka: Kafka, start: Callable[..., Process]) -> None:
    topic = kafka.create_topic(unique("topic"), partitions=3)
    with sink(always(Reply(seconds=0.002))) as there:
        stays = start(topic, there, plain(kafka))
        send(kafka.client(), topic, numbered(300))
        goes = start(topic, there, plain(kafka))
        send(kafka.client(), topic, numbered(300, 300))
        until(lambda: values(600) <= {*there.bodies}, "600 events of two sources")
        goes.stop()
        assert goes.wait(1) == 0
        send(kafka.client(), topic, numbered(100, 600))
        until(lambda: values(700) <= {*there.bodies}, "100 events of the one that stayed")
        stays.stop()
        assert stays.wait(1) == 0
    assert committed(kafka, topic, topic) == 700
    assert len(there.posts) == 700, "what was given back was committed first"


def test_polling_goes_on_while_nothing_may_be_taken(kafka: Kafka, start: Callable[..., Process]) -> None:
    topic = kafka.create_topic(unique("topic"), partitions=3)
    send(kafka.client(), topic, numbered(100))
    with sink(always(Reply(503, {"Medpattern-Unavailable": "s3"}))) as there:
        # More waits in Kafka than is taken; the second source can join only if the first answers the rebalance.
        start(topic, there, plain(kafka), "--concurrency", "1")
        until(lambda: len({*there.bodies}) >= 20, "a full board")
        start(topic, there, plain(kafka), "--concurrency", "1")
        until(lambda: len({*there.bodies}) > 40, "records that only the second source may take")
        there.script = always(Reply())
        until(lambda: values(100) <= {*there.bodies}, "100 events")


def test_an_aborted_transaction_is_not_delivered(kafka: Kafka, topic: str, start: Callable[..., Process]) -> None:
    from confluent_kafka import Producer

    producer = Producer(kafka.client({"transactional.id": unique("transaction")}))
    producer.init_transactions(60)
    for commits, value in ((True, b"1"), (False, b"aborted"), (True, b"2")):
        producer.begin_transaction()
        producer.produce(topic, value)
        (producer.commit_transaction if commits else producer.abort_transaction)(60)
    with sink() as there:
        process = start(topic, there, plain(kafka))
        until(lambda: len(there.posts) >= 2, "two events")
        process.stop()
    assert sorted(there.bodies) == [b"1", b"2"]


def test_brokers_that_die_one_after_the_other_lose_nothing(kafka_three: Kafka, start: Callable[..., Process]) -> None:
    topic = kafka_three.create_topic(unique("topic"), partitions=3)
    send(kafka_three.client(), topic, numbered(200))
    with sink(always(Reply(seconds=0.005))) as there:
        process = start(topic, there, plain(kafka_three))
        until(lambda: len(there.posts) > 50, "the first events")
        for number in (1, 2, 3):
            kafka_three.kill9(number)
            kafka_three.restart(number)
        kafka_three.start()
        send(kafka_three.client(), topic, numbered(100, 200))
        until(lambda: values(300) <= {*there.bodies}, "300 events", seconds=120)
        assert process.alive
        process.stop()
    assert committed(kafka_three, topic, topic) == 300


@pytest.fixture
def reader(kafka_secure: Kafka) -> tuple[Identity, str]:
    """A SCRAM user and a topic that it may read, with a group of the same name."""
    topic = kafka_secure.create_topic(unique("topic"))
    identity = new_user(kafka_secure, unique("reader"))
    allow(kafka_secure, identity, operations="read describe", topic=topic)
    allow(kafka_secure, identity, operations="read", group=topic)
    return identity, topic


def test_a_user_with_its_password_reads_over_tls(
    kafka_secure: Kafka, reader: tuple[Identity, str], tmp_path: Path, start: Callable[..., Process]
) -> None:
    identity, topic = reader
    send(kafka_secure.client(), topic, numbered(20))
    with sink() as there:
        process = start(topic, there, with_password(tmp_path, kafka_secure, identity))
        until(lambda: values(20) <= {*there.bodies}, "20 events")
        process.stop()
        assert process.wait(1) == 0
    assert committed(kafka_secure, topic, topic) == 20
    assert identity.password not in process.text()


def test_a_client_with_its_certificate_reads_too(
    kafka_secure: Kafka, tmp_path: Path, start: Callable[..., Process]
) -> None:
    topic = kafka_secure.create_topic(unique("topic"))
    identity = new_certificate(kafka_secure, unique("reader"))
    allow(kafka_secure, identity, operations="read describe", topic=topic)
    allow(kafka_secure, identity, operations="read", group=topic)
    send(kafka_secure.client(), topic, numbered(20))
    with sink() as there:
        start(topic, there, with_certificate(tmp_path, kafka_secure, identity))
        until(lambda: values(20) <= {*there.bodies}, "20 events")


def ends_with(process: Process, reason: str) -> None:
    assert process.wait(60) == 3, process.tail()
    assert f"error: {REFUSED}{reason}" in process.text()


def test_a_wrong_password_ends_it_with_the_reason(
    kafka_secure: Kafka, reader: tuple[Identity, str], tmp_path: Path, start: Callable[..., Process]
) -> None:
    identity, topic = reader
    with sink() as there:
        process = start(topic, there, with_password(tmp_path, kafka_secure, identity, "wrong-password"))
        ends_with(process, "the broker refused the user name or password")
    assert "wrong-password" not in process.text()


def test_a_missing_ca_ends_it_with_the_reason(
    kafka_secure: Kafka, reader: tuple[Identity, str], tmp_path: Path, start: Callable[..., Process]
) -> None:
    identity, topic = reader
    environment = with_password(tmp_path, kafka_secure, identity) | {"MEDPATTERN_KAFKA_CA": ""}
    with sink() as there:
        ends_with(start(topic, there, environment), "TLS failed")


def test_a_topic_that_is_not_allowed_ends_it_with_the_reason(
    kafka_secure: Kafka, reader: tuple[Identity, str], tmp_path: Path, start: Callable[..., Process]
) -> None:
    identity, _ = reader
    other = kafka_secure.create_topic(unique("topic"))
    with sink() as there:
        process = start(other, there, with_password(tmp_path, kafka_secure, identity))
        ends_with(process, "no such topic, or not for this user")


def test_a_group_that_is_not_allowed_ends_it_with_the_reason(
    kafka_secure: Kafka, reader: tuple[Identity, str], tmp_path: Path, start: Callable[..., Process]
) -> None:
    identity, topic = reader
    with sink() as there:
        process = start(topic, there, with_password(tmp_path, kafka_secure, identity), "--group", unique("other"))
        ends_with(process, "the user may not use that consumer group")
