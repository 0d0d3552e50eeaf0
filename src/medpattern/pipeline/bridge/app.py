"""The bridge as an ASGI application: 200 once Kafka has acknowledged, 503 while it does not."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
from collections.abc import Callable
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from medpattern.pipeline.bridge import metrics
from medpattern.pipeline.bridge.confirmation import confirm
from medpattern.pipeline.bridge.messages import Confirm, Forward, read_message
from medpattern.pipeline.bridge.settings import BridgeSettings
from medpattern.pipeline.failures import Unavailable, Unprocessable
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.http.responses import failure, problem, read_body, unauthorised

_ENVELOPE = "x-amz-sns-message-type"


class Sender(Protocol):
    """What the bridge needs of a Producer."""

    def begin(
        self, topic: str, value: bytes, done: Callable[[Unavailable | None], None], *, key: str | None = None
    ) -> None:
        """As Producer.begin."""


class Bridge:
    """Answers posts to the declared paths itself, and leaves health and metrics to Starlette."""

    def __init__(self, settings: BridgeSettings, sender: Sender) -> None:
        self._settings = settings
        self._sender = sender
        self._waiting = 0
        # A bridge without Kafka is ready all the same: it says 503, which an object store repeats. Were it taken
        # out of its Service, Ceph would be refused, and its queue would hang for good.
        self._rest: ASGIApp = Starlette(routes=health_routes(lambda: ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._rest(scope, receive, send)
            return
        answer = await self._answer(Request(scope, receive))
        # A kept connection would break with the process that answers on it, and with it what was just sent. A new
        # one waits in the queue of the listening socket.
        answer.headers["connection"] = "close"
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        topic = self._settings.paths.get(request.scope["path"])
        if topic is None:
            metrics.REFUSED.labels("no-such-path").inc()
            return problem(404, "no-such-path", "this path is not declared")
        if not admits(request.headers.get("authorization", ""), self._settings.token):
            metrics.REFUSED.labels("unauthorised").inc()
            return unauthorised()
        try:
            await self._handle(request, topic)
        except Unprocessable as refused:
            metrics.REFUSED.labels(refused.reason).inc()
            return failure(refused)
        except Unavailable as away:
            metrics.UNAVAILABLE.inc()
            return failure(away)
        return Response()

    async def _handle(self, request: Request, topic: str) -> None:
        body = await read_body(request, self._settings.most_bytes)
        message = read_message(body, request.headers.get(_ENVELOPE, ""))
        if isinstance(message, Forward):
            metrics.DROPPED.inc(message.dropped)
            await self._forward(topic, message)
            metrics.FORWARDED.labels(topic).inc()
        elif isinstance(message, Confirm):
            await asyncio.to_thread(confirm, message.url, self._settings.confirmers)
        else:
            metrics.IGNORED.labels(message.why).inc()

    async def _forward(self, topic: str, message: Forward) -> None:
        """Waits for Kafka's acknowledgement; requests that wait at the same time travel together."""
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[None] = loop.create_future()

        def done(away: Unavailable | None) -> None:
            # The loop may have ended while Kafka thought about it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, acknowledged, away)

        size = len(message.value)
        if self._waiting + size > self._settings.most_waiting:
            raise Unavailable("kafka", "too much waits to be acknowledged")
        self._count(size)
        try:
            self._sender.begin(topic, message.value, done, key=message.key)
            await acknowledged
        finally:
            self._count(-size)

    def _count(self, size: int) -> None:
        self._waiting += size
        metrics.WAITING.set(self._waiting)


def _settle(acknowledged: asyncio.Future[None], away: Unavailable | None) -> None:
    if acknowledged.done():
        return
    if away is None:
        acknowledged.set_result(None)
    else:
        acknowledged.set_exception(away)


def admits(given: str, token: str) -> bool:
    """Whether the header Authorization `given` holds `token`: as bearer, or as the password of basic (any user).

    Ceph can put only a user and a password into a push endpoint. Compared in constant time; "" admits everyone.
    """
    if not token:
        return True
    scheme, _, value = given.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except (ValueError, binascii.Error):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(value.encode("utf-8", "surrogatepass"), token.encode())
