"""What every answer says to the browser: load nothing from elsewhere but images from the object store, keep nothing."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medpattern.pipeline.http.pages import page_headers
from medpattern.pipeline.resultsapi import metrics


def headers(images_from: str, *, secure: bool) -> dict[str, str]:
    """The headers; `images_from` is the origin of pre-signed addresses. blob: is an original that a script has got."""
    found = page_headers(f"blob: {images_from}")
    return found | ({"strict-transport-security": "max-age=31536000"} if secure else {})


class Guard:
    """Sets the headers on every answer, errors included, and measures it under the name of its route."""

    def __init__(self, app: ASGIApp, added: dict[str, str]) -> None:
        self._app = app
        self._added = added

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), [500]

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                MutableHeaders(scope=message).update(self._added)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        finally:
            # A path may hold a pseudonym; a route's name never does.
            route = getattr(scope.get("endpoint"), "__name__", "none")
            metrics.REQUESTS.labels(route, str(status[0])).observe(time.perf_counter() - began)
