"""The service put together: what is opened when, and which path leads where."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.routing import Route

from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.events.results import Outcome, Publication
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.model.predictor import Predictor
from medpattern.pipeline.model.shipped import shipped
from medpattern.pipeline.service import steps
from medpattern.pipeline.service.clients import Clients
from medpattern.pipeline.service.drift import Drift
from medpattern.pipeline.service.events import GIVEN_BACK, REFUSED, EventEntrance
from medpattern.pipeline.service.handling import Delivery, Ending, Handler
from medpattern.pipeline.service.prediction_routes import PredictionRoutes
from medpattern.pipeline.service.publication import Publisher
from medpattern.pipeline.service.scoring import Scorer

if TYPE_CHECKING:
    from medpattern.pipeline.events.notifications import StoredObject
    from medpattern.pipeline.service.settings import ModelSettings, ServiceSettings

T = TypeVar("T")


def load_scorer(settings: ModelSettings) -> Scorer:
    """The model, warm: it has answered the test inputs in its metadata.

    Raises:
        ModelError: the file is none, is another than its digest says, or answers otherwise than it promises.
    """
    builtin = shipped()
    path = settings.path or builtin.path
    wanted = settings.sha256 or ("" if settings.path else builtin.sha256)
    predictor = Predictor.load(path, wanted or None, threads=settings.threads)
    predictor.warm_up()
    card = predictor.card
    card.operating_point(settings.assessment.operating_point)
    steps.MODEL.labels(card.name, card.version, predictor.sha256, str(card.stand_in).lower()).set(1)
    return Scorer(predictor, settings.assessment, settings.limits)


def build(settings: ServiceSettings, scorer: Scorer) -> Starlette:
    """The application. Its clients connect in the background once it runs; it is ready without them.

    An event that comes while a dependency is away is given back with 503, which is what its sender waits for.
    """
    clients = Clients(settings)
    workers = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="image")
    scorers = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="score")
    handler = Handler(
        keys=settings.keys,
        edges=clients,
        scorer=scorer,
        publisher=Publisher(clients.store, BurnedInTextRemover(), settings.store.processed, settings.store.anonymised),
        simulation=settings.simulation,
        drift=Drift(scorer.model_sha256, scorer.card.reference),
    )

    async def handle(stored: StoredObject, delivery: Delivery) -> Ending:
        with steps.IN_FLIGHT.track_inprogress():
            return await _in(workers, lambda: handler.handle(stored, delivery))

    async def score(work: Callable[[], T]) -> T:
        return await _in(scorers, work)

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=clients.open, name="open", daemon=True).start()
        yield
        workers.shutdown()
        scorers.shutdown()
        clients.close()

    steps.begin_at_zero((*Ending, REFUSED, GIVEN_BACK), Outcome, Publication)
    entrance = EventEntrance(handle, settings.store.sources, settings.key_form, _holder(), settings.most_event_bytes)
    predictions = PredictionRoutes(scorer, clients.store, settings.store.sources, settings.token, score)
    routes = [Route("/", entrance.answer, methods=["POST"]), *predictions.routes(), *health_routes(lambda: "")]
    return Starlette(routes=routes, lifespan=life)


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def _holder() -> str:
    """A name for this process's leases that no other process has, not even one on the same host after it."""
    return f"{socket.gethostname()[:24]}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
