"""Records in batches: as a member of a consumer group, or the rest of a topic once.

A batch counts as read when its handler returned; where the handler's dependency is away, the same batch comes
again. So a handler sees every record at least once, and must bear a repeat.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.connection import Watch, check_topics, configuration
from medpattern.pipeline.settings import KafkaSettings

_LOG = logging.getLogger(__name__)
_BATCH = 100
_LONGEST_PAUSE = 10.0
_ANSWER, _RETRY = 5.0, 0.2


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `value` None is a tombstone. `offset` is its place in `partition`."""

    partition: int
    offset: int
    key: str | None = field(repr=False)
    value: bytes | None = field(repr=False)


Handle = Callable[[Sequence[Record]], None]


class Reader:
    """One consumer of one topic, committing to `group`; for one thread. Close it."""

    def __init__(self, settings: KafkaSettings, topic: str, group: str) -> None:
        from confluent_kafka import Consumer

        self._topic = topic
        self._watch = Watch()
        wanted = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "enable_partition_eof": True}
        # What a killed member's partitions wait for; also after a leave, with the embedded broker.
        wanted |= {"session_timeout_ms": 10_000}
        self._client = Consumer(configuration(settings, self._watch, group_id=group, **wanted))

    def open(self, seconds: float = 15) -> None:
        """Raises Unavailable unless the brokers answer and know the topic."""
        check_topics(self._client, self._watch, [self._topic], seconds)

    def follow(self, handle: Handle, stop: threading.Event) -> None:
        """Joins the group and hands over batches until `stop`.

        Raises:
            Unavailable: the brokers refuse this client.
        """
        self._client.subscribe([self._topic])
        pause = 0.0
        while not stop.is_set():
            batch = self._batch(0.5)
            if not batch:
                continue
            try:
                handle(batch)
            except Unavailable as away:
                pause = min(2 * pause or 0.5, _LONGEST_PAUSE)
                _LOG.warning("held back", extra={"dependency": away.dependency, "records": len(batch)})
                self._rewind(batch)
                stop.wait(pause)
                continue
            pause = 0.0
            self._commit(batch)

    def read_rest(self, handle: Handle, seconds: float = 30) -> int:
        """Hands over what the group has not committed yet, up to the present end; returns how many records.

        No member of the group: it works beside one, which then reads the same records and commits them itself.

        Raises:
            Unavailable: the brokers were silent for `seconds`, or refuse; or as `handle` does.
        """
        partitions = self._assign_rest(seconds)
        ended: set[int] = set()
        count, deadline = 0, time.monotonic() + seconds
        while ended < partitions:
            batch = self._batch(0.5, ended)
            if batch:
                handle(batch)
                self._commit(batch)
                count, deadline = count + len(batch), time.monotonic() + seconds
            elif time.monotonic() > deadline:
                raise Unavailable("kafka", "no answer")
        return count

    def unread(self, seconds: float = 15) -> int:
        """How many records the group has not committed yet; compaction may have left fewer."""
        return sum(max(end - start, 0) for start, end in self._spans(seconds).values())

    def close(self) -> None:
        """Leaves the group."""
        self._client.close()

    def _batch(self, seconds: float, ended: set[int] | None = None) -> list[Record]:
        from confluent_kafka import KafkaError

        found: list[Record] = []
        first: Any = self._client.poll(seconds)
        # `consume` would wait for a whole batch; this takes what has arrived with the first.
        messages = [first, *self._client.consume(_BATCH - 1, 0)] if first is not None else []
        for message in messages:
            error = message.error()
            if error is None:
                found.append(_record(message))
            elif error.code() != KafkaError._PARTITION_EOF:
                self._watch.note(error)
            elif ended is not None:
                ended.add(message.partition())
        self._watch.check()
        return found

    def _rewind(self, batch: Sequence[Record]) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        for partition, offset in _edges(batch, min).items():
            try:
                self._client.seek(TopicPartition(self._topic, partition, offset))
            except KafkaException:
                # The partition is another member's now, who begins where the last commit was.
                _LOG.info("partition given away", extra={"partition": partition})

    def _commit(self, batch: Sequence[Record]) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        places = [TopicPartition(self._topic, part, last + 1) for part, last in _edges(batch, max).items()]
        try:
            self._client.commit(offsets=places, asynchronous=False)
        except KafkaException as problem:
            # Not a loss: whoever has the partition reads these records again.
            _LOG.info("not committed", extra={"cause": problem.args[0].name()})

    def _assign_rest(self, seconds: float) -> set[int]:
        from confluent_kafka import TopicPartition

        spans = self._spans(seconds)
        self._client.assign([TopicPartition(self._topic, part, start) for part, (start, _) in spans.items()])
        return set(spans)

    def _spans(self, seconds: float) -> dict[int, tuple[int, int]]:
        """Partition -> (first offset that is not committed, end)."""
        from confluent_kafka import KafkaException

        self.open(seconds)
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._ask_spans()
            except KafkaException as problem:
                # The group's coordinator may be about to be found: NOT_COORDINATOR after a broker's start.
                self._watch.note(problem.args[0])
                self._watch.check()
                if time.monotonic() > deadline:
                    raise Unavailable("kafka", problem.args[0].name()) from None
            time.sleep(_RETRY)

    def _ask_spans(self) -> dict[int, tuple[int, int]]:
        from confluent_kafka import TopicPartition

        known = self._client.list_topics(self._topic, timeout=_ANSWER).topics[self._topic].partitions
        places = self._client.committed([TopicPartition(self._topic, part) for part in known], timeout=_ANSWER)
        found = {}
        for place in places:
            low, high = self._client.get_watermark_offsets(place, timeout=_ANSWER)
            found[place.partition] = (max(place.offset, low), high)
        return found


def _record(message: Any) -> Record:
    key = message.key()
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    return Record(message.partition(), message.offset(), text, message.value())


def _edges(batch: Sequence[Record], choose: Callable[[int, int], int]) -> dict[int, int]:
    edges: dict[int, int] = {}
    for record in batch:
        edges[record.partition] = choose(edges.get(record.partition, record.offset), record.offset)
    return edges
