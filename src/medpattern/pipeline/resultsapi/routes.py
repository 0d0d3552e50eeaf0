"""The API. Each route names the role that it wants; who asks is told by token or session, never by a body."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from medpattern.pipeline.clock import now, rfc3339
from medpattern.pipeline.database.pages import Filter, Page, read_page, read_worklist
from medpattern.pipeline.database.verdicts import add_verdict, read_result, verdicts_of
from medpattern.pipeline.events.results import STATEMENT, Result
from medpattern.pipeline.failures import PipelineError
from medpattern.pipeline.http.responses import JsonResponse, problem, read_body
from medpattern.pipeline.reports.fhir import diagnostic_report
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from medpattern.pipeline.resultsapi import metrics, questions, views
from medpattern.pipeline.resultsapi.access import AccessDeniedError
from medpattern.pipeline.resultsapi.originals import Form
from medpattern.pipeline.resultsapi.users import Role

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.requests import Request

    from medpattern.pipeline.resultsapi.access import Access
    from medpattern.pipeline.resultsapi.originals import Originals
    from medpattern.pipeline.resultsapi.users import User
    from medpattern.pipeline.store.objects import ObjectStore

_RESULT_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_BODY = 16_384
# Decoding takes a hundred megabytes for a large film, so not many at once.
_ORIGINALS_AT_ONCE = 2


class Kind(StrEnum):
    """The images made of an uploaded one: both without identity, `processed` with the result drawn beside."""

    PROCESSED = "processed"
    ANONYMISED = "anonymised"


@dataclass(frozen=True, slots=True)
class Api:
    """The answers. `images` makes the addresses that browsers use, which may differ from ours."""

    access: Access
    engine: Engine
    images: ObjectStore
    originals: Originals
    image_seconds: int
    pinned_sha256: str
    decoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_ORIGINALS_AT_ONCE))

    def routes(self) -> list[Route]:
        """Everything below /api."""
        return [
            Route("/api/me", self.me),
            Route("/api/worklist", self.worklist),
            Route("/api/results", self.results),
            Route("/api/results/{name}", self.result),
            Route("/api/results/{name}/report", self.report),
            Route("/api/results/{name}/images/{kind}", self.image),
            Route("/api/results/{name}/verdicts", self.verdict, methods=["POST"]),
            Route("/api/images/{name}/original", self.original, methods=["POST"]),
        ]

    async def me(self, request: Request) -> Response:
        """GET: who asks, what he may, and what a change by the page's cookie has to bring along."""
        user = await self.access.user(request, Role.VIEWER)
        session = None if request.headers.get("authorization") else self.access.cookies.session(request)
        known = {"name": user.name, "roles": sorted(user.roles), "statement": STATEMENT}
        if session:
            known |= {"csrf": session.csrf, "ends": rfc3339(session.ends)}
        return JsonResponse(known)

    async def worklist(self, request: Request) -> Response:
        """GET: results without a reader's verdict, the urgent first."""
        return await self._page(request, questions.WORKLIST, read_worklist)

    async def results(self, request: Request) -> Response:
        """GET: all results, the newest first."""
        return await self._page(request, questions.RESULTS, read_page)

    async def _page(self, request: Request, known: frozenset[str], read: Callable[..., Page]) -> Response:
        await self.access.user(request, Role.VIEWER)
        asked = questions.read_question(request.query_params, known)
        page = await asyncio.to_thread(
            read, self.engine, asked.filter, asked.limit, asked.after, pinned=self.pinned_sha256
        )
        ids = [result.result_id for result in page.results]
        return JsonResponse(views.told_page(page, await asyncio.to_thread(verdicts_of, self.engine, ids)))

    async def result(self, request: Request) -> Response:
        """GET: one result, by its id or by the pseudonym of its image."""
        await self.access.user(request, Role.VIEWER)
        found = await self._found(request)
        verdicts = await asyncio.to_thread(verdicts_of, self.engine, [found.result_id])
        return JsonResponse(views.told(found, verdicts.get(found.result_id, ())))

    async def report(self, request: Request) -> Response:
        """GET: the FHIR R4 DiagnosticReport."""
        await self.access.user(request, Role.VIEWER)
        found = await self._found(request)
        verdicts = await asyncio.to_thread(verdicts_of, self.engine, [found.result_id])
        report = diagnostic_report(found, verdicts.get(found.result_id, ()))
        return Response(json.dumps(report, ensure_ascii=False), media_type="application/fhir+json")

    async def image(self, request: Request) -> Response:
        """GET: where an image may be fetched from for a short time."""
        await self.access.user(request, Role.VIEWER)
        kind = questions.word(request.path_params["kind"], "kind", Kind)
        found = await self._found(request)
        if why := views.withheld(found):
            return problem(409, "withheld", why)
        key, bucket = found.anonymised_key, self.images.settings.anonymised
        if kind is Kind.PROCESSED:
            key, bucket = found.processed_key, self.images.settings.processed
        if key is None:
            return problem(404, "not-found", "no such image was made")
        ends = now() + timedelta(seconds=self.image_seconds)
        url = await asyncio.to_thread(self.images.presigned, bucket, key, self.image_seconds, "image/png")
        return JsonResponse({"url": url, "ends": rfc3339(ends)})

    async def verdict(self, request: Request) -> Response:
        """POST {opinion, comment}: a reader's verdict, appended."""
        user = await self.access.user(request, Role.READER)
        given = questions.read_object(await read_body(request, _MOST_BODY), {"opinion", "comment"})
        opinion = questions.word(given.get("opinion", ""), "opinion", Opinion)
        verdict = NewVerdict(opinion, user.name, given.get("comment", "").strip())
        found = await self._found(request)
        stored = await asyncio.to_thread(add_verdict, self.engine, found.result_id, verdict)
        if stored is None:
            return _not_found()
        metrics.VERDICTS.labels(opinion.value).inc()
        return JsonResponse(views.told_verdict(stored), 201)

    async def original(self, request: Request) -> Response:
        """POST {purpose, form}: the image as it was uploaded, after it is written down who sees it and why."""
        user = await self.access.user(request, Role.IDENTIFIER)
        given = questions.read_object(await read_body(request, _MOST_BODY), {"purpose", "form"})
        form = questions.word(given.get("form") or Form.PICTURE, "form", Form)
        found = await self._found(request)
        return await self._original(found, user, given.get("purpose", ""), form)

    async def _original(self, found: Result, user: User, purpose: str, form: Form) -> Response:
        try:
            async with self.decoders:
                shown = await asyncio.to_thread(self.originals.view, found, user, purpose, form)
        except PipelineError as problem_found:
            metrics.ORIGINALS.labels(type(problem_found).__name__.lower()).inc()
            raise
        metrics.ORIGINALS.labels("shown").inc()
        disposition = f'{"inline" if form is Form.PICTURE else "attachment"}; filename="{shown.file_name}"'
        return Response(shown.data, media_type=shown.media_type, headers={"content-disposition": disposition})

    async def _found(self, request: Request) -> Result:
        """The result that the path names: by its id, or the current one of an image's pseudonym."""
        found = await asyncio.to_thread(self._read, request.path_params["name"])
        if found is None:
            raise AccessDeniedError(_not_found())
        return found

    def _read(self, name: str) -> Result | None:
        if _RESULT_ID.fullmatch(name):
            return read_result(self.engine, name)
        if not questions.is_pseudonym(name):
            return None
        # A patient has a pseudonym too, and several results; those are a question for the list.
        return next(iter(read_page(self.engine, Filter(image=name), 1, pinned=self.pinned_sha256).results), None)


def _not_found() -> Response:
    return problem(404, "not-found", "there is no such result; it may have been purged")
