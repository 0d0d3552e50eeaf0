"""The page's routes. All of them read; the database is opened so that it would refuse anything else."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from medpattern.dashboard import detail
from medpattern.dashboard.images import Kind, Pictures
from medpattern.dashboard.observer import Observer
from medpattern.dashboard.security import HOSTS, SecurityHeaders
from medpattern.dashboard.stream import Feed
from medpattern.pipeline.failures import Busy, PipelineError, Unavailable, Unprocessable
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.http.pages import static_files
from medpattern.pipeline.http.responses import problem

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.requests import Request
    from starlette.types import ASGIApp

STATIC = Path(__file__).parent / "static"
_RESULT_ID = re.compile(r"[0-9a-f]{64}")
# Some of them may wait for a listing; decoding is heavy, and the run needs the processor more than the page does.
_DECODERS = 4


@dataclass(frozen=True, slots=True)
class Routes:
    """The answers; `files` are the static files by name, read once, so no path can lead anywhere else."""

    engine: Engine
    feed: Feed
    pictures: Pictures
    files: dict[str, tuple[bytes, str]]
    decoders: ThreadPoolExecutor

    async def index(self, _request: Request) -> Response:
        """GET /"""
        return self._file("index.html")

    async def static(self, request: Request) -> Response:
        """GET /static/{name}"""
        name = request.path_params["name"]
        return self._file(name) if name in self.files else not_found()

    async def state(self, _request: Request) -> Response:
        """GET /api/state: the snapshot that the stream sends."""
        return Response((await self.feed.latest()).text, media_type="application/json")

    async def stream(self, _request: Request) -> Response:
        """GET /api/stream"""
        return StreamingResponse(self.feed.events(), media_type="text/event-stream")

    async def image(self, request: Request) -> Response:
        """GET /images/{kind}/{result_id}"""
        return await self._picture(request, self.pictures.png)

    async def thumbnail(self, request: Request) -> Response:
        """GET /thumbnails/{kind}/{result_id}"""
        return await self._picture(request, self.pictures.thumbnail)

    async def result(self, request: Request) -> Response:
        """GET /results/{result_id}"""
        found = await self._read(detail.read_detail, request)
        return not_found() if found is None else HTMLResponse(detail.render_detail(found))

    async def report(self, request: Request) -> Response:
        """GET /results/{result_id}/report"""
        found = await self._read(detail.read_report, request)
        if found is None:
            return not_found()
        text = json.dumps(found, indent=2, ensure_ascii=False)
        return Response(text, media_type="application/fhir+json")

    def _file(self, name: str) -> Response:
        data, media_type = self.files[name]
        return Response(data, media_type=media_type)

    async def _read(self, read: Callable[[Engine, str], Any], request: Request) -> Any:
        result_id = request.path_params["result_id"]
        return await asyncio.to_thread(read, self.engine, result_id) if _RESULT_ID.fullmatch(result_id) else None

    async def _picture(self, request: Request, make: Callable[[str, Kind], bytes | None]) -> Response:
        result_id, kind = request.path_params["result_id"], request.path_params["kind"]
        if not _RESULT_ID.fullmatch(result_id) or kind not in {known.value for known in Kind}:
            return not_found()
        made = await asyncio.get_running_loop().run_in_executor(self.decoders, make, result_id, Kind(kind))
        return not_found() if made is None else Response(made, media_type="image/png")


def build(engine: Engine, observer: Observer, pictures: Pictures) -> ASGIApp:
    """The application. What it is given stays the caller's to close."""
    feed = Feed(observer.take)
    decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="picture")
    routes = Routes(engine, feed, pictures, static_files(STATIC), decoders)

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        _on_end(feed.close)
        yield
        decoders.shutdown(wait=False, cancel_futures=True)

    app = Starlette(
        routes=_routes(routes),
        lifespan=life,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        exception_handlers={PipelineError: _failure, 404: _failure},
    )
    # Outside of all else, so that an answer to a defect has them too.
    return SecurityHeaders(app)


def not_found() -> Response:
    """A page for people that says so."""
    text = "There is nothing under this address. A result may have been purged, or its image removed."
    return HTMLResponse(detail.render_problem("Not found", text), 404)


def _routes(routes: Routes) -> list[Route]:
    return [
        Route("/", routes.index),
        Route("/static/{name}", routes.static),
        Route("/api/state", routes.state),
        Route("/api/stream", routes.stream),
        Route("/images/{kind}/{result_id}", routes.image),
        Route("/thumbnails/{kind}/{result_id}", routes.thumbnail),
        Route("/results/{result_id}", routes.result),
        Route("/results/{result_id}/report", routes.report),
        *health_routes(lambda: ""),
    ]


async def _failure(_request: Request, failed: Exception) -> Response:
    if isinstance(failed, Unavailable | Busy):
        return problem(503, "unavailable", str(failed), retry_after="3")
    if isinstance(failed, Unprocessable):
        return problem(404, failed.reason, failed.detail)
    return not_found()


def _on_end(end: Callable[[], None]) -> None:
    """Calls `end` at TERM or INT before the server's own handler, which would wait for streams that never end."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        servers_own = signal.getsignal(number)

        def handle(received: int, frame: Any, servers_own: Any = servers_own) -> None:
            loop.call_soon_threadsafe(end)
            if callable(servers_own):
                servers_own(received, frame)

        signal.signal(number, handle)
