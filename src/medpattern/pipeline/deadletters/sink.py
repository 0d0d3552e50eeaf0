"""The dead letter sink: an event that was given up comes in, its sealed letter is in the topic before the answer.

It has neither the object store's credentials nor, in a cluster, the database's. Where it is given a database (a
local run), a thread of it records the topic in the table too; elsewhere `medpattern replay` does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from medpattern.pipeline.clock import now
from medpattern.pipeline.deadletters.letters import LetterMaker
from medpattern.pipeline.deadletters.settings import SinkSettings
from medpattern.pipeline.events.cloudevents import parse_request
from medpattern.pipeline.failures import PipelineError, Unavailable
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.http.responses import JsonResponse, failure, read_body
from medpattern.pipeline.kafka.producer import Producer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LOG = logging.getLogger(__name__)
_LETTERS = Counter("medpattern_dead_letters", "Dead letters taken in", ["retryable"])
for _known in ("true", "false"):
    # Prometheus cannot see the first step of a series that begins at 1.
    _LETTERS.labels(_known)
_PAUSE = 2.0


class Sink:
    """The sink's parts; `start` connects in the background, so that a pod is up before its brokers are."""

    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings
        self._producer = Producer(settings.kafka)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._why_not_ready = "kafka has not answered yet"

    def app(self) -> Starlette:
        """The application: POST / and the health paths."""

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            self.start()
            yield
            await run_in_threadpool(self.stop)

        entrance = Entrance(self._settings.maker, self._send, self._settings.most_bytes)
        routes = [Route("/", entrance.take, methods=["POST"]), *health_routes(self.ready)]
        return Starlette(routes=routes, lifespan=lifespan)

    def ready(self) -> str:
        """Why it takes no events yet, or ""."""
        return self._why_not_ready

    def start(self) -> None:
        """Connects, and records if there is a database, each in a thread."""
        work = [self._connect, *([self._record] if self._settings.database_url else [])]
        self._threads = [threading.Thread(target=self._repeat, args=(one,), daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads and sends what waits."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        self._producer.close()

    def _send(self, letters: Sequence[tuple[str, bytes | None]]) -> None:
        self._producer.send_all(self._settings.topic, [(key, value, ()) for key, value in letters])

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                return work()
            except PipelineError as problem:
                _LOG.warning("tried again", extra={"cause": str(problem)})
            except Exception:
                _LOG.exception("not foreseen")
            self._stop.wait(_PAUSE)
        return None

    def _connect(self) -> None:
        try:
            self._producer.open([self._settings.topic], seconds=2)
        except Unavailable as away:
            self._why_not_ready = str(away)
            raise
        self._why_not_ready = ""

    def _record(self) -> None:
        from medpattern.pipeline.database.engine import open_engine
        from medpattern.pipeline.deadletters.recorder import Recorder
        from medpattern.pipeline.kafka.reader import Reader

        engine = open_engine(self._settings.database_url, connections=1)
        reader = Reader(self._settings.kafka, self._settings.topic, self._settings.group)
        recorder = Recorder(engine, lambda ids: self._send([(letter_id, None) for letter_id in ids]))
        try:
            reader.follow(recorder.handle, self._stop)
        finally:
            with suppress(RuntimeError):
                reader.close()
            engine.dispose()


@dataclass(frozen=True, slots=True)
class Entrance:
    """The route `POST /`: 202 once all letters of the request are acknowledged, 503 while Kafka is away."""

    maker: LetterMaker
    send: Callable[[Sequence[tuple[str, bytes | None]]], None]
    most_bytes: int

    async def take(self, request: Request) -> Response:
        """Answers one request."""
        try:
            events = parse_request(request.headers, await read_body(request, self.most_bytes))
            at = now()
            letters = [letter for event in events for letter in self.maker.letters_of(event, at)]
            await run_in_threadpool(self.send, [(letter.id, letter.record()) for letter in letters])
        except Exception as problem:
            return failure(problem)
        for letter in letters:
            _LETTERS.labels(str(letter.retryable).lower()).inc()
            known = {"reason": letter.reason, "retryable": letter.retryable, "attempts": letter.attempts}
            _LOG.warning("dead letter", extra={"image": letter.image_pseudonym, **known})
        return JsonResponse({"letters": [letter.id for letter in letters]}, 202)
