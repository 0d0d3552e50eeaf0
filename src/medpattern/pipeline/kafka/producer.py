"""Records that count as sent only once the brokers have them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.connection import Watch, check_topics, configuration
from medpattern.pipeline.settings import KafkaSettings

Headers = Sequence[tuple[str, bytes]]


class Producer:
    """Sends with acks=all, idempotently; may be shared by threads, whose records travel together."""

    def __init__(self, settings: KafkaSettings, *, seconds: float = 10) -> None:
        """`seconds` is how long a record may take until `send` gives up."""
        self._settings = settings
        self._seconds = seconds
        self._watch = Watch()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._made: Any = None
        self._poller: threading.Thread | None = None

    @property
    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                from confluent_kafka import Producer as Client

                wanted = {"acks": "all", "enable_idempotence": True, "linger_ms": 1}
                self._made = Client(
                    configuration(self._settings, self._watch, message_timeout_ms=int(self._seconds * 1000), **wanted)
                )
                self._poller = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
                self._poller.start()
            return self._made

    def _poll(self) -> None:
        from confluent_kafka import KafkaException

        while not self._stopping.is_set():
            try:
                self._made.poll(0.1)
            except KafkaException as problem:
                # A client that is refused for good is told so here too; whoever sends hears it of the watch.
                self._watch.note(problem.args[0])
                self._stopping.wait(0.1)

    def open(self, topics: Sequence[str] = (), seconds: float = 15) -> None:
        """Connects now; raises Unavailable unless the brokers know `topics`."""
        check_topics(self._client, self._watch, list(topics), seconds)

    def send(self, topic: str, value: bytes | None, *, key: str | None = None, headers: Headers = ()) -> None:
        """Sends one record and waits until all in-sync replicas have it.

        Raises:
            Unavailable: they have not after the time allowed, or they refuse this client.
        """
        self.send_all(topic, [(key, value, headers)])

    def send_all(self, topic: str, records: Sequence[tuple[str | None, bytes | None, Headers]]) -> None:
        """Sends records of key, value and headers together; raises as `send` does if any was not taken."""
        arrived = threading.Semaphore(0)
        failures: list[Any] = []

        def delivered(error: Any, _message: Any) -> None:
            if error is not None:
                failures.append(error)
            arrived.release()

        client = self._client
        for key, value, headers in records:
            self._produce(client, topic, key, value, headers, delivered)
        for _ in records:
            self._wait(arrived, failures)
        if failures:
            self._watch.note(failures[0])
            self._watch.check()
            raise Unavailable("kafka", f"not acknowledged: {failures[0].name()}")

    def begin(
        self,
        topic: str,
        value: bytes,
        done: Callable[[Unavailable | None], None],
        *,
        key: str | None = None,
        headers: Headers = (),
    ) -> None:
        """Sends one record and returns at once; `done` is told later, in another thread, what went wrong, or None.

        Raises:
            Unavailable: too much waits already.
        """

        def delivered(error: Any, _message: Any) -> None:
            if error is not None:
                self._watch.note(error)
            done(None if error is None else Unavailable("kafka", f"not acknowledged: {error.name()}"))

        self._produce(self._client, topic, key, value, headers, delivered)

    @property
    def refusal(self) -> str:
        """Why the brokers refuse this client, "" as far as they do not."""
        return self._watch.refusal

    def _produce(
        self, client: Any, topic: str, key: str | None, value: bytes | None, headers: Headers, done: Any
    ) -> None:
        from confluent_kafka import KafkaException

        try:
            client.produce(topic, value=value, key=key, headers=list(headers), on_delivery=done)
        except BufferError:
            raise Unavailable("kafka", "too many records wait to be sent") from None
        except KafkaException as problem:
            # What is known of the topic already is said at once, and not by a delivery report.
            self._watch.note(problem.args[0])
            raise Unavailable("kafka", problem.args[0].name()) from None

    def _wait(self, arrived: threading.Semaphore, failures: list[Any]) -> None:
        # message.timeout.ms bounds the whole; looking in between makes a refusal known at once.
        waited = 0.0
        while not arrived.acquire(timeout=0.2):
            waited += 0.2
            self._watch.check()
            if waited > self._seconds + 5:
                raise Unavailable("kafka", "no answer")

    def close(self) -> None:
        """Sends what waits, for at most as long as a record may take."""
        if self._made is not None:
            self._made.flush(self._seconds)
            self._stopping.set()
            if self._poller is not None:
                self._poller.join(2)
