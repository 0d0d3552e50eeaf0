"""A record counts as sent once the broker has it, and whoever waits hears of it when it has not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.kafka.topics import everything_in

TOPIC = "results"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with closing(EmbeddedBroker({TOPIC: 2})) as made:
        yield made


def test_a_record_that_was_sent_is_in_the_topic_with_key_and_headers(broker: EmbeddedBroker) -> None:
    kafka = KafkaSettings(broker.bootstrap)
    with closing(Producer(kafka)) as producer:
        producer.send(TOPIC, b"value", key="id", headers=[("ce_id", b"id")])
    (found,) = everything_in(kafka, TOPIC)
    assert (found.key(), found.value(), found.headers()) == (b"id", b"value", [("ce_id", b"id")])


def test_threads_share_a_producer_and_each_hears_of_its_own_records(broker: EmbeddedBroker) -> None:
    kafka = KafkaSettings(broker.bootstrap)
    with closing(Producer(kafka)) as producer:
        threads = [
            threading.Thread(target=lambda n=number: producer.send(TOPIC, b"%d" % n, key=str(n)))
            for number in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(int(record.value()) for record in everything_in(kafka, TOPIC)) == list(range(40))


def test_a_broker_that_is_away_is_unavailable_and_the_next_record_after_it_is_sent(broker: EmbeddedBroker) -> None:
    kafka = KafkaSettings(broker.bootstrap)
    with closing(Producer(kafka, seconds=1.5)) as producer:
        producer.open([TOPIC])
        broker.set_down(True)
        with pytest.raises(Unavailable, match="kafka"):
            producer.send(TOPIC, b"lost", key="1")
        broker.set_down(False)
        producer.open([TOPIC])
        producer.send(TOPIC, b"kept", key="2")
    assert b"kept" in [record.value() for record in everything_in(kafka, TOPIC)]


def test_a_broker_that_never_was_there_is_unavailable() -> None:
    with closing(Producer(KafkaSettings("127.0.0.1:9"))) as producer, pytest.raises(Unavailable, match="no answer"):
        producer.open([TOPIC], seconds=0.5)


def test_a_refusal_that_is_known_before_anything_is_sent_is_kept() -> None:
    """A fake: whether librdkafka knows it already when a record is produced is a matter of moments."""
    from confluent_kafka import KafkaError, KafkaException

    class Refusing:
        def produce(self, *_: object, **__: object) -> None:
            raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    producer = Producer(KafkaSettings("127.0.0.1:1"))
    producer._made = Refusing()
    with pytest.raises(Unavailable, match="TOPIC_AUTHORIZATION_FAILED"):
        producer.begin("t", b"value", lambda _away: None)
    assert producer.refusal == "the user may not use that topic (ACL)"
