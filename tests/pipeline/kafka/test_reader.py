"""Batches count as read when their handler returned, and not before."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.kafka.reader import Reader, Record
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.waiting import eventually

TOPIC = "numbers"


@pytest.fixture
def kafka() -> Iterator[KafkaSettings]:
    with closing(EmbeddedBroker({TOPIC: 2})) as broker:
        yield KafkaSettings(broker.bootstrap)


def send(kafka: KafkaSettings, numbers: Sequence[int]) -> None:
    with closing(Producer(kafka)) as producer:
        producer.send_all(TOPIC, [(str(number), str(number).encode(), ()) for number in numbers])


def numbers(records: Sequence[Record]) -> list[int]:
    return sorted(int(record.value or b"-1") for record in records)


def test_the_rest_is_read_once(kafka: KafkaSettings) -> None:
    seen: list[Record] = []
    for expected in ([], [1, 2, 3], [], [4]):
        send(kafka, expected)
        with closing(Reader(kafka, TOPIC, "group")) as reader:
            assert reader.unread() == len(expected)
            assert reader.read_rest(seen.extend) == len(expected)
    assert numbers(seen) == [1, 2, 3, 4]


def test_what_the_handler_did_not_take_is_read_again(kafka: KafkaSettings) -> None:
    def refuse(_records: Sequence[Record]) -> None:
        raise Unavailable("database")

    send(kafka, range(5))
    with closing(Reader(kafka, TOPIC, "group")) as reader, pytest.raises(Unavailable):
        reader.read_rest(refuse)
    seen: list[Record] = []
    with closing(Reader(kafka, TOPIC, "group")) as reader:
        reader.read_rest(seen.extend)
    assert numbers(seen) == list(range(5))


def test_following_survives_an_outage_of_what_it_writes_to(kafka: KafkaSettings) -> None:
    seen: list[Record] = []
    outage = threading.Event()
    refused = threading.Event()
    stop = threading.Event()

    def take(records: Sequence[Record]) -> None:
        if outage.is_set():
            refused.set()
            raise Unavailable("database")
        seen.extend(records)

    with closing(Reader(kafka, TOPIC, "group")) as reader:
        thread = threading.Thread(target=reader.follow, args=(take, stop))
        thread.start()
        send(kafka, range(10))
        eventually(lambda: len(seen) == 10)
        outage.set()
        send(kafka, range(10, 20))
        eventually(refused.is_set)
        outage.clear()
        eventually(lambda: {record.key for record in seen} == {str(number) for number in range(20)})
        stop.set()
        thread.join()
    with closing(Reader(kafka, TOPIC, "group")) as reader:
        assert reader.unread() == 0


def test_the_rest_can_be_read_beside_a_follower(kafka: KafkaSettings) -> None:
    followed: list[Record] = []
    stop = threading.Event()
    reader = Reader(kafka, TOPIC, "group")
    thread = threading.Thread(target=reader.follow, args=(followed.extend, stop))
    thread.start()
    send(kafka, range(3))
    eventually(lambda: len(followed) == 3)
    send(kafka, range(3, 6))
    seen: list[Record] = []
    with closing(Reader(kafka, TOPIC, "group")) as other:
        other.read_rest(seen.extend)
    eventually(lambda: {record.key for record in followed} == {str(number) for number in range(6)})
    stop.set()
    thread.join()
    reader.close()


def test_no_broker_no_endless_wait() -> None:
    with closing(Reader(KafkaSettings("127.0.0.1:1"), TOPIC, "group")) as reader, pytest.raises(Unavailable):
        reader.open(seconds=1)
