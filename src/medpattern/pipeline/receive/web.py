"""STOW-RS (PS3.18 10.5): POST /studies and /studies/{study}, answered when the object store has every instance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from medpattern.pipeline.failures import PipelineError, Unavailable, Unprocessable
from medpattern.pipeline.http.health import health_routes
from medpattern.pipeline.http.responses import JsonResponse, authorised, failure, problem, unauthorised
from medpattern.pipeline.receive.deposit import Deposit, Protocol, refused
from medpattern.pipeline.receive.instances import SOP_CLASSES, TRANSFER_SYNTAXES, Instance, Reason, Refusal
from medpattern.pipeline.receive.multipart import DICOM, Part, Parts, boundary_of
from medpattern.pipeline.receive.response import DICOM_JSON, store_response

if TYPE_CHECKING:
    from starlette.requests import Request

    from medpattern.pipeline.receive.settings import DicomSettings, ReceiveSettings

MOST_INSTANCES = 10_000
_SECONDS_BETWEEN_CHECKS = 2.0
_SECONDS_BETWEEN_CHUNKS = 60.0


def build(settings: ReceiveSettings, deposit: Deposit, dicom: DicomSettings | None = None) -> Starlette:
    """The application. It is ready once it has seen the bucket; later outages are told to senders with 503."""
    reached = asyncio.Event()

    async def reach() -> None:
        while True:
            try:
                await run_in_threadpool(deposit.store.check, [deposit.bucket])
            except PipelineError:
                await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            else:
                return reached.set()

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(reach())
        yield
        task.cancel()

    async def capabilities(_request: Request) -> Response:
        return JsonResponse(_capabilities(settings, dicom))

    studies = Studies(settings, deposit, asyncio.Semaphore(settings.concurrency))
    routes = [
        Route("/", capabilities, methods=["GET"]),
        Route("/studies", studies.answer, methods=["POST"]),
        Route("/studies/{study}", studies.answer, methods=["POST"]),
        *health_routes(lambda: "" if reached.is_set() else "the bucket was not reached yet"),
    ]
    return Starlette(routes=routes, lifespan=life)


@dataclass(frozen=True, slots=True)
class Studies:
    """The Store transaction."""

    settings: ReceiveSettings
    deposit: Deposit
    turns: asyncio.Semaphore = field(repr=False)

    async def answer(self, request: Request) -> Response:
        if not authorised(request, self.settings.token):
            return unauthorised()
        try:
            boundary = boundary_of(request.headers.get("content-type", ""))
            if boundary is None:
                return problem(415, "unsupported-media-type", f'multipart/related; type="{DICOM}" is wanted')
            if not _accepts_json(request.headers.get("accept", "*/*")):
                return problem(406, "not-acceptable", f"the answer is {DICOM_JSON}")
            async with self.turns:
                return await self._store(request, boundary)
        except _TooLarge as large:
            return problem(413, large.reason, large.detail)
        except (TimeoutError, ClientDisconnect):
            return problem(408, "incomplete", f"nothing came for {_SECONDS_BETWEEN_CHUNKS:.0f} s, or nobody is there")
        except Unprocessable as malformed:
            return problem(400, malformed.reason, malformed.detail)
        except Unavailable as away:
            return failure(away)

    async def _store(self, request: Request, boundary: str) -> Response:
        study = str(request.path_params.get("study", ""))
        parts = Parts(boundary, self.settings.instance_bytes)
        ends: list[Instance | Refusal] = []
        async for chunk in _within(request, self.settings.request_bytes):
            for part in parts.feed(chunk):
                if len(ends) == MOST_INSTANCES:
                    raise _TooLarge("too-many-instances", f"more than {MOST_INSTANCES} in one request")
                ends.append(await self._end(part, study))
        parts.finish()
        if not ends:
            raise Unprocessable("no-instances", "the request holds no part")
        status, body = store_response(ends)
        return JsonResponse(body, status, media_type=DICOM_JSON)

    async def _end(self, part: Part, study: str) -> Instance | Refusal:
        if part.data is None:
            return refused(Refusal(Reason.PROCESSING_FAILURE), Protocol.STOW)
        if part.media_type not in ("", DICOM):
            return refused(Refusal(Reason.NOT_UNDERSTOOD), Protocol.STOW)
        return await run_in_threadpool(self.deposit.put, part.data, Protocol.STOW, study)


class _TooLarge(Unprocessable):
    pass


async def _within(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
    if size <= most_bytes:
        size = 0
        stream = aiter(request.stream())
        while size <= most_bytes:
            # A sender that falls silent would hold its turn for ever.
            async with asyncio.timeout(_SECONDS_BETWEEN_CHUNKS):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            size += len(chunk)
            if size <= most_bytes:
                yield chunk
    if size > most_bytes:
        raise _TooLarge("too-large", f"the request has more than {most_bytes} bytes")


def _accepts_json(accept: str) -> bool:
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return not kinds.isdisjoint({DICOM_JSON, "application/json", "application/*", "*/*", ""})


def _capabilities(settings: ReceiveSettings, dicom: DicomSettings | None) -> dict[str, Any]:
    """What this receiver takes, for whoever sets up a sender."""
    found: dict[str, Any] = {
        "service": "medpattern receive",
        "stowRs": {
            "paths": ["/studies", "/studies/{study}"],
            "contentType": f'multipart/related; type="{DICOM}"',
            "answer": DICOM_JSON,
            "mostBytesOfAnInstance": settings.instance_bytes,
            "mostBytesOfARequest": settings.request_bytes,
        },
        "sopClasses": SOP_CLASSES,
        "transferSyntaxes": list(TRANSFER_SYNTAXES),
    }
    if dicom is not None:
        found["dicom"] = {"aeTitle": dicom.title, "port": dicom.port, "services": ["C-ECHO", "C-STORE"]}
    return found
