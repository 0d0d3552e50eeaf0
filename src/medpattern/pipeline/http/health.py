"""Health and metrics: as routes of a stage that answers HTTP, or on a port of their own for one that does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from medpattern.pipeline.http.responses import JsonResponse

if TYPE_CHECKING:
    from starlette.requests import Request

# Why a stage is not ready, or "" where it is.
Ready = Callable[[], str]


def health_routes(ready: Ready) -> list[Route]:
    """/v2/health/live, /v2/health/ready and /metrics."""

    async def live(_request: Request) -> Response:
        return JsonResponse({"live": True})

    async def is_ready(_request: Request) -> Response:
        why = ready()
        return JsonResponse({"ready": not why} | ({"reason": why} if why else {}), 503 if why else 200)

    async def metrics(_request: Request) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/v2/health/live", live),
        Route("/v2/health/ready", is_ready),
        Route("/metrics", metrics),
    ]


def serve_health(host: str, port: int, ready: Ready) -> Callable[[], None]:
    """Answers the three paths in a thread of its own, on no port where `port` is 0; returns what ends it."""
    if not port:
        return lambda: None
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = make_server(host, port, _wsgi(ready), handler_class=Silent)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _wsgi(ready: Ready) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    from prometheus_client import make_wsgi_app

    metrics = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            return metrics(environ, start_response)  # type: ignore[no-any-return]
        why = "" if path == "/v2/health/live" else ready() if path == "/v2/health/ready" else "no such path"
        status = "200 OK" if not why else "404 Not Found" if why == "no such path" else "503 Service Unavailable"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [why.encode()]

    return answer
