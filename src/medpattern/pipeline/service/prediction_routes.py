"""The routes of both prediction contracts, and the document that describes all routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starlette.routing import Route

from medpattern import __version__
from medpattern.pipeline.failures import Superseded, Unavailable, Unprocessable
from medpattern.pipeline.http.responses import JsonResponse, authorised, read_body
from medpattern.pipeline.service import inference, predictions
from medpattern.pipeline.service.openapi import document

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from medpattern.pipeline.model.assessment import Assessment
    from medpattern.pipeline.service.scoring import Scorer
    from medpattern.pipeline.store.objects import ObjectStore

T = TypeVar("T")
_BEARER = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class PredictionRoutes:
    """What answers a person's or a program's question about one image; nothing is stored.

    `token` guards both contracts; without one, the AI Library's, which promises one, is closed.
    `score` runs work where it does not hold up other requests.
    """

    scorer: Scorer
    store: ObjectStore
    sources: tuple[str, ...]
    token: str
    score: Callable[[Callable[[], object]], Awaitable[object]]

    def routes(self) -> list[Route]:
        """All paths but the event entrance, health and metrics."""
        models = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
        # Routes are tried in turn: what is asked most comes first.
        found = [Route(f"{path}/infer", self._infer, methods=["POST"]) for path in models]
        found += [Route("/v2", self._server), Route("/v2/", self._server), Route("/openapi.json", self._document)]
        for path in models:
            found += [Route(path, self._metadata), Route(f"{path}/ready", self._ready)]
        predict = [
            Route(f"/api/{version}/predictions", self._predict, methods=["POST"]) for version in ("v0.1", "v1.0")
        ]
        return found + predict

    async def _server(self, _request: Request) -> Response:
        return JsonResponse(inference.server_metadata(__version__))

    async def _document(self, _request: Request) -> Response:
        return JsonResponse(document(self.scorer.card, guarded=bool(self.token)))

    async def _metadata(self, request: Request) -> Response:
        return self._unknown(request) or JsonResponse(inference.metadata(self.scorer.card))

    async def _ready(self, request: Request) -> Response:
        return self._unknown(request) or JsonResponse({"name": self.scorer.card.name, "ready": True})

    def _unknown(self, request: Request) -> Response | None:
        card, asked = self.scorer.card, request.path_params
        if asked["model"] == card.name and asked.get("version", card.version) == card.version:
            return None
        return JsonResponse({"error": f"no such model or version; there is {card.name} {card.version}"}, 404)

    async def _infer(self, request: Request) -> Response:
        if not authorised(request, self.token):
            return JsonResponse({"error": "a bearer token is wanted"}, 401, _BEARER)
        if unknown := self._unknown(request):
            return unknown
        try:
            body = await read_body(request, 2 * self.scorer.limits.bytes)
            asked = inference.read_request(request.headers.get(inference.HEADER_LENGTH), body)
            found = await self.score(lambda: [self.scorer.assess_only(image) for image in asked.images])
        except inference.BadInferenceRequestError as problem:
            return JsonResponse({"error": str(problem)}, 400)
        except Unprocessable as problem:
            return JsonResponse({"error": str(problem)}, 413 if problem.reason == "too-large" else 400)
        return JsonResponse(inference.answer(asked, self.scorer.card, found))  # type: ignore[arg-type]

    async def _predict(self, request: Request) -> Response:
        if not self.token or not authorised(request, self.token):
            why = "a bearer token is wanted" if self.token else "no token is configured, so this path is closed"
            return JsonResponse(predictions.failure(401, "UNAUTHENTICATED", why), 401, _BEARER)
        try:
            asked = predictions.read_message(await read_body(request, 2 * self.scorer.limits.bytes))
            if asked.data is None and asked.bucket not in self.sources:
                return _failed(403, "FORBIDDEN", "that bucket is none of this service's")
            found = await self.score(lambda: self._assess(asked))
        except predictions.BadPredictionRequestError as problem:
            return _failed(400, "BAD_REQUEST", str(problem))
        except Unprocessable as problem:
            return _failed(413 if problem.reason == "too-large" else 400, problem.reason, problem.detail)
        except Superseded:
            return _failed(404, "NOT_FOUND", "there is no such object")
        except Unavailable as problem:
            return _failed(503, "UNAVAILABLE", str(problem))
        return JsonResponse(predictions.answer(asked, self.scorer.card, found))  # type: ignore[arg-type]

    def _assess(self, asked: predictions.PredictionRequest) -> Assessment:
        data = asked.data
        if data is None:
            data = self.store.fetch_newest(asked.bucket, asked.key, self.scorer.limits.bytes).data
        return self.scorer.assess_only(data)


def _failed(status: int, reason: str, detail: str) -> Response:
    return JsonResponse(predictions.failure(status, reason, detail), status)
