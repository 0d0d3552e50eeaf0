"""The OpenAPI document, held against the running application by schemathesis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette
from starlette.routing import Route

from medpattern.pipeline.events.notifications import KeyForm, StoredObject
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.service.events import EventEntrance
from medpattern.pipeline.service.handling import Delivery, Ending
from medpattern.pipeline.service.openapi import document
from medpattern.pipeline.service.prediction_routes import PredictionRoutes
from tests.pipeline.service.conftest import MemoryStore, stand_in_scorer

TOKEN = "open-sesame"


def application() -> Starlette:
    """All routes of the service, with a store in memory and a handler that takes every image."""

    async def score(work: Callable[[], object]) -> object:
        return work()

    async def handle(_stored: StoredObject, _delivery: Delivery) -> Ending:
        return Ending.SCORED

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield

    entrance = EventEntrance(handle, ("ours",), KeyForm.AUTO, "me", 100_000)
    predictions = PredictionRoutes(stand_in_scorer(), MemoryStore(), ("ours",), TOKEN, score)  # type: ignore[arg-type]
    routes = [Route("/", entrance.answer, methods=["POST"]), *health_routes(lambda: ""), *predictions.routes()]
    return Starlette(routes=routes, lifespan=life)


schema = schemathesis.openapi.from_asgi("/openapi.json", application())


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_answer_is_one_that_the_document_promises(case: schemathesis.Case) -> None:
    # No schema can say which base64 is a picture, nor which text names an object that is there.
    headers = {"Authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])


def test_the_document_names_every_route() -> None:
    card = stand_in_scorer().card
    said = document(card, guarded=True)
    served = {getattr(route, "path", "") for route in application().routes} - {"/openapi.json", "/v2/"}
    assert {path.format(model=card.name, version=card.version) for path in served} == set(said["paths"])
