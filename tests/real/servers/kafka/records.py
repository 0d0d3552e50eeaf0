"""Records written and read by tests themselves, beside the clients that are tested."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.real.servers.programs import FailedError


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read; headers whose names repeat keep the last value."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


def send(
    configuration: Mapping[str, Any],
    topic: str,
    records: Iterable[tuple[bytes | None, bytes]],
    *,
    headers: Mapping[str, bytes] | None = None,
    seconds: float = 60,
) -> int:
    """Write (key, value) pairs, and return how many when every copy in step has them all.

    `KafkaException` with the broker's reason for the first record that is refused; `FailedError` when time is up.
    """
    from confluent_kafka import KafkaException, Producer

    producer = Producer({**configuration, "acks": "all", "enable.idempotence": True})
    refused: list[Any] = []

    def settled(error: Any, _: Any) -> None:
        if error is not None:
            refused.append(error)

    count = 0
    for key, value in records:
        producer.produce(topic, value, key, headers=dict(headers or {}), on_delivery=settled)
        producer.poll(0)
        count += 1
    left = producer.flush(seconds)
    if refused:
        raise KafkaException(refused[0])
    if left:
        raise FailedError(f"{left} of {count} records were not acknowledged within {seconds:g} s")
    return count


def read_all(configuration: Mapping[str, Any], topic: str, *, seconds: float = 30) -> list[Record]:
    """Every committed record that the topic holds now, partition by partition, without joining a group."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {**configuration, "group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=seconds).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found = _until_the_ends(consumer, set(partitions), time.monotonic() + seconds)
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


def _until_the_ends(consumer: Any, unfinished: set[int], deadline: float) -> list[Record]:
    from confluent_kafka import KafkaError, KafkaException

    found: list[Record] = []
    while unfinished:
        if time.monotonic() > deadline:
            raise FailedError(f"the partitions {sorted(unfinished)} were not read to their ends in time")
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error() is None:
            found.append(_record(message))
        elif message.error().code() == KafkaError._PARTITION_EOF:
            unfinished.discard(message.partition())
        elif message.error().code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # librdkafka asks, needed or not
            raise KafkaException(message.error())
    return found


def _record(message: Any) -> Record:
    headers = dict(message.headers() or [])
    return Record(message.partition(), message.offset(), message.key(), message.value(), headers)
