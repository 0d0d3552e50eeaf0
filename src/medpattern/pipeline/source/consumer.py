"""The loop that reads the topic, and commits what is done.

It polls all the time, also while nothing may be taken (partitions are paused then), so that the brokers see the
source alive and rebalances are answered. Offsets are committed together every 200 ms, when partitions are given
back, and at the end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from medpattern.pipeline.kafka.connection import Watch, check_topics, configuration
from medpattern.pipeline.source import metrics
from medpattern.pipeline.source.board import Board
from medpattern.pipeline.source.records import Origin, Record, event_of, request_headers
from medpattern.pipeline.source.settings import SourceSettings

_LOG = logging.getLogger(__name__)
_TICK = 0.2
_FULL_BEFORE_PAUSE = 1.0
_LAG_EVERY = 2.0
_LAST_COMMIT = 5.0
_CONSUMER = {
    "enable_auto_commit": False,
    "enable_auto_offset_store": False,
    "partition_assignment_strategy": "cooperative-sticky",
    # What librdkafka reads ahead: records are small and go one by one, so little suffices.
    "queued_min_messages": 2_000,
    "queued_max_messages_kbytes": 16_384,
    "fetch_queue_backoff_ms": 20,
}
# While the group shares its partitions out anew no commit is taken; the next tick tries again.
_MEANWHILE = ("REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID")


class Consumer:
    """Moves records of the topic to the board, and positions of the board to Kafka."""

    def __init__(self, settings: SourceSettings, board: Board) -> None:
        """Connects to nothing yet."""
        from confluent_kafka import Consumer as Client

        self._settings = settings
        self._board = board
        self._origin = Origin(settings.namespace, settings.name, settings.topic)
        self._watch = Watch()
        # Whether any partition may be paused, and whether all are.
        self._paused = self._all_paused = False
        self._full_since: float | None = None
        self._commits = 0
        self._next_commit = self._next_lag = 0.0
        more: dict[str, Any] = {"group_id": settings.group, "auto_offset_reset": settings.start.value}
        more |= {
            "session_timeout_ms": int(settings.session * 1000),
            "heartbeat_interval_ms": int(settings.session * 200),
        }
        wanted = configuration(settings.kafka, self._watch, **_CONSUMER, **more)
        self._client = Client(wanted | {"on_commit": self._on_commit})

    def open(self, seconds: float = 15) -> None:
        """Joins the group; raises Unavailable, with the reason, if the brokers refuse or do not know the topic."""
        topic = self._settings.topic
        check_topics(self._client, self._watch, [topic], seconds)
        self._client.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def run(self, stopping: threading.Event) -> None:
        """Reads until `stopping` is set.

        Raises:
            Unavailable: the brokers refuse this client, which no waiting cures.
        """
        while not stopping.is_set():
            self._watch.check()
            self._step()
            now = time.monotonic()
            if now >= self._next_commit:
                self._next_commit = now + _TICK
                self._commit(self._board.positions())
                metrics.IN_FLIGHT.set(self._board.open)
            if now >= self._next_lag:
                self._next_lag = now + _LAG_EVERY
                self._measure_lag()

    def close(self) -> None:
        """Waits for what is on its way, commits, leaves the group."""
        positions = self._board.remove_lanes(self._board.partitions, self._settings.grace)
        self._board.end()
        self._commit(positions)
        deadline = time.monotonic() + _LAST_COMMIT
        while self._commits and time.monotonic() < deadline and not self._watch.refusal:
            self._client.poll(0.05)
        self._client.close()

    def _step(self) -> None:
        if not self._board.wait_for_room(0 if self._paused else _TICK):
            self._stand_by()
            return
        self._full_since = None
        if self._paused:
            self._client.resume(self._client.assignment())
            self._paused = self._all_paused = False
        message = self._client.poll(_TICK)
        if message is not None:
            self._take(message)

    def _stand_by(self) -> None:
        now = time.monotonic()
        self._full_since = self._full_since or now
        if now - self._full_since < _FULL_BEFORE_PAUSE:
            return
        if not self._all_paused:
            # A pause throws away what was read ahead, so a board that is full for moments only does without.
            self._client.pause(self._client.assignment())
            self._paused = self._all_paused = True
        message = self._client.poll(_TICK)
        if message is not None:
            self._take(message)

    def _take(self, message: Any) -> None:
        if message.error() is not None:
            self._watch.note(message.error())
            return
        partition, offset = message.partition(), message.offset()
        if not self._board.has_lane(partition):
            return
        kind, timestamp = message.timestamp()
        record = Record(
            partition, offset, timestamp if kind else -1, message.key(), message.value(), message.headers() or ()
        )
        event = event_of(record, self._origin)
        self._board.take(partition, offset, event, request_headers(event, self._settings.namespace))

    def _commit(self, positions: Mapping[int, int]) -> None:
        from confluent_kafka import KafkaException

        if not positions:
            return
        try:
            self._client.commit(offsets=self._places(positions), asynchronous=True)
            self._commits += 1
        except KafkaException as problem:
            self._failed_commit(problem.args[0], positions)

    def _places(self, positions: Mapping[int, int]) -> list[Any]:
        from confluent_kafka import TopicPartition

        return [TopicPartition(self._settings.topic, partition, offset) for partition, offset in positions.items()]

    def _on_commit(self, error: Any, places: list[Any]) -> None:
        self._commits -= 1
        failed = [place.partition for place in places if error is not None or place.error is not None]
        if failed:
            self._failed_commit(error or next(place.error for place in places if place.error), failed)

    def _failed_commit(self, error: Any, partitions: Any) -> None:
        if error.name() not in _MEANWHILE:
            self._watch.note(error)
        self._board.refuse_commit(partitions)

    def _on_assign(self, _client: Any, places: list[Any]) -> None:
        for place in places:
            self._board.add_lane(place.partition)
        # Partitions that come are paused if they were when they went (librdkafka remembers it, and `assignment` was
        # empty in between), so the next step with room resumes all of them.
        self._all_paused = False
        self._paused = True
        _LOG.info("partitions assigned", extra={"partitions": [place.partition for place in places]})

    def _on_revoke(self, client: Any, places: list[Any]) -> None:
        from confluent_kafka import KafkaException

        positions = self._give_back(places, self._settings.grace)
        if positions:
            try:
                client.commit(offsets=self._places(positions), asynchronous=False)
            except KafkaException as problem:
                self._watch.note(problem.args[0])

    def _on_lost(self, _client: Any, places: list[Any]) -> None:
        # Somebody else has them already: a commit would be refused.
        self._give_back(places, 0)

    def _give_back(self, places: list[Any], seconds: float) -> dict[int, int]:
        partitions = [place.partition for place in places]
        _LOG.info("partitions given back", extra={"partitions": partitions})
        positions = self._board.remove_lanes(partitions, seconds)
        for partition in partitions:
            _forget_lag(self._settings.topic, partition)
        return positions

    def _measure_lag(self) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        topic = self._settings.topic
        for partition in self._board.partitions:
            try:
                _low, high = self._client.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            except KafkaException:
                continue
            position = self._board.position(partition)
            if high >= 0 and position is not None:
                metrics.LAG.labels(topic, str(partition)).set(max(0, high - position))


def _forget_lag(topic: str, partition: int) -> None:
    from contextlib import suppress

    with suppress(KeyError):
        metrics.LAG.remove(topic, str(partition))
