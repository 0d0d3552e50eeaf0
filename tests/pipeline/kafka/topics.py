"""What lies in a topic, read from its beginning by nobody's group."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from medpattern.pipeline.kafka.connection import Watch, configuration
from medpattern.pipeline.settings import KafkaSettings


def everything_in(settings: KafkaSettings, topic: str) -> list[Any]:
    """All records of `topic`, as confluent_kafka's messages."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition

    wanted = {"group_id": str(uuid4()), "enable_auto_commit": False, "enable_partition_eof": True}
    client = Consumer(configuration(settings, Watch(), auto_offset_reset="earliest", **wanted))
    try:
        partitions = set(client.list_topics(topic, timeout=10).topics[topic].partitions)
        client.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Any] = []
        while partitions:
            message: Any = client.poll(10)
            assert message is not None, "the broker is silent"
            if message.error() is None:
                found.append(message)
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF
                partitions.remove(message.partition())
        return found
    finally:
        client.close()
