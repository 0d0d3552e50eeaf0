"""What every answer of the page says to the browser: load nothing from elsewhere, run nothing inline, keep nothing."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medpattern.pipeline.http.pages import page_headers

HEADERS = page_headers()
# A name that leads here, chosen by somebody else (DNS rebinding), is refused.
HOSTS = ["127.0.0.1", "localhost"]


class SecurityHeaders:
    """Sets the headers on every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
