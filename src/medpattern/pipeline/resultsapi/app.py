"""The results API put together."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from medpattern.errors import UsageError
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision
from medpattern.pipeline.failures import PipelineError, Superseded
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.http.responses import failure, problem
from medpattern.pipeline.identity import SHORTEST_KEY, Keys
from medpattern.pipeline.resultsapi.access import Access, AccessDeniedError
from medpattern.pipeline.resultsapi.originals import Originals
from medpattern.pipeline.resultsapi.pages import file_page, message_page
from medpattern.pipeline.resultsapi.provider import Provider
from medpattern.pipeline.resultsapi.routes import Api
from medpattern.pipeline.resultsapi.security import Guard, headers
from medpattern.pipeline.resultsapi.sessions import Cookies
from medpattern.pipeline.resultsapi.signing_in import SigningIn, sign_in_at
from medpattern.pipeline.store.objects import ObjectStore
from medpattern.pipeline.store.sources import SourceIndex

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from medpattern.pipeline.resultsapi.settings import ResultsSettings

_CONNECTIONS = 8
# Of the time, that looking for originals may keep the object store busy; few people ask, and they wait.
_SHARE = 0.5
_PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class Readiness:
    """Ready once database and provider have answered; what goes away later is told request by request."""

    engine: Engine
    provider: Provider
    why: str = "not yet connected"
    stopping: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> None:
        """Tries until both have answered."""
        while not self.stopping.is_set():
            try:
                check_revision(self.engine)
                self.provider.endpoints()
            except PipelineError as away:
                self.why = str(away)
                self.stopping.wait(_PAUSE_SECONDS)
            else:
                self.why = ""
                return


@dataclass(frozen=True, slots=True)
class Pages:
    """The page's own routes: to sign in first, wherever one comes from."""

    cookies: Cookies

    def routes(self) -> list[Route]:
        """/, /results/{name} (mails link there), /static/{name}."""
        return [
            Route("/", self.worklist_page),
            Route("/results/{name}", self.result_page),
            # Styles and scripts say nothing of anybody; the page that says one is signed out needs them.
            Route("/static/{name}", self.static),
        ]

    async def worklist_page(self, request: Request) -> Response:
        """GET /"""
        return self._page(request, "worklist.html")

    async def result_page(self, request: Request) -> Response:
        """GET /results/{name}: a result's id, or an image's pseudonym."""
        return self._page(request, "result.html")

    async def static(self, request: Request) -> Response:
        """GET /static/{name}"""
        name = request.path_params["name"]
        return message_page("not-found", 404) if name.endswith(".html") else file_page(name)

    def _page(self, request: Request, name: str) -> Response:
        if self.cookies.session(request) is None:
            return RedirectResponse(sign_in_at(request.url.path), 303)
        return file_page(name)


@dataclass(frozen=True, slots=True)
class ResultsApp:
    """The application, and why it is not ready ("" where it is), for the metrics port."""

    app: ASGIApp
    readiness: Readiness


def build(settings: ResultsSettings) -> ResultsApp:
    """The application. It connects in the background once it runs."""
    engine = open_engine(settings.database_url, connections=_CONNECTIONS)
    provider = Provider(settings.oidc.access.issuer, settings.oidc.ca)
    secure = settings.url.startswith("https://")
    cookies = Cookies(settings.session_key, settings.session_seconds, secure=secure)
    access = Access(settings.oidc, provider, cookies, settings.url)
    readiness = Readiness(engine, provider)
    routes = [
        *Pages(cookies).routes(),
        *SigningIn(access).routes(),
        *_api(settings, access, engine).routes(),
        # Metrics are on a port of their own: this one may be reached from anywhere in the house.
        *(route for route in health_routes(lambda: readiness.why) if route.path != "/metrics"),
    ]

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=readiness.connect, name="connect", daemon=True).start()
        yield
        readiness.stopping.set()
        engine.dispose()

    handlers = {
        AccessDeniedError: _denied,
        UsageError: _wrong,
        PipelineError: _failed,
        404: _lost,
        405: _lost,
        Exception: _failed,
    }
    app = Starlette(routes=routes, lifespan=life, exception_handlers=handlers)  # type: ignore[arg-type]
    # Outside of all else, so that an answer to a defect has the headers too.
    return ResultsApp(Guard(app, headers(settings.images_from, secure=secure)), readiness)


def _api(settings: ResultsSettings, access: Access, engine: Engine) -> Api:
    store = ObjectStore(settings.store, connections=4)
    # Originals are found by image ids. Pseudonyms are only read here, so the key that makes them is not given.
    keys = Keys(settings.identity_key, bytes(SHORTEST_KEY))
    return Api(
        access=access,
        engine=engine,
        images=ObjectStore(replace(settings.store, endpoint=settings.public_endpoint)),
        originals=Originals(engine, store, SourceIndex(store, keys, share=_SHARE)),
        image_seconds=settings.image_seconds,
        pinned_sha256=settings.pinned_sha256,
    )


async def _denied(_request: Request, denied: AccessDeniedError) -> Response:
    return denied.response


async def _wrong(_request: Request, wrong: UsageError) -> Response:
    return problem(422, "wrong-request", str(wrong))


async def _failed(_request: Request, failed: Exception) -> Response:
    if isinstance(failed, Superseded):
        return problem(410, "original-gone", "the object store does not have it any more")
    return failure(failed)


async def _lost(request: Request, lost: Exception) -> Response:
    status = int(getattr(lost, "status_code", 404))
    if request.url.path.startswith("/api/"):
        return problem(status, "not-found" if status == 404 else "method-not-allowed")
    return message_page("not-found", status)
