"""The event entrance: CloudEvents in, each stored image of a declared bucket through the handler.

The answer follows the worst that happened, seen by who repeats: a dependency that is away before an image that
can never work, so that no image is given up while its neighbour in the same event may still succeed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medpattern.pipeline.clock import now
from medpattern.pipeline.events.cloudevents import CloudEvent, parse_request
from medpattern.pipeline.events.notifications import KeyForm, StoredObject, parse_notification
from medpattern.pipeline.failures import Busy, Unavailable, Unprocessable
from medpattern.pipeline.http.responses import JsonResponse, failure, read_body
from medpattern.pipeline.service import steps
from medpattern.pipeline.service.handling import Delivery, Ending

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

REFUSED, GIVEN_BACK = "refused", "given-back"
# How a Kafka source passes on the record header that a backfill sets.
_BACKFILL = "kafkaheaderbackfill"

Handle = Callable[[StoredObject, Delivery], Awaitable[Ending]]


@dataclass(frozen=True, slots=True)
class EventEntrance:
    """The route `POST /`."""

    handle: Handle
    sources: tuple[str, ...]
    key_form: KeyForm
    holder: str
    most_bytes: int

    async def answer(self, request: Request) -> Response:
        """The answer to one request."""
        received = now()
        try:
            events = parse_request(request.headers, await read_body(request, self.most_bytes))
        except Unprocessable as refused:
            steps.REASONS.labels(refused.reason).inc()
            return failure(refused)
        counts: Counter[str] = Counter()
        problems: list[Exception] = []
        for event in events:
            delivery = Delivery(received, self.holder)
            await self._handle_event(event, _marked(delivery, event), counts, problems)
        if problems:
            return failure(min(problems, key=_rank))
        return JsonResponse(dict(counts))

    async def _handle_event(
        self, event: CloudEvent, delivery: Delivery, counts: Counter[str], problems: list[Exception]
    ) -> None:
        try:
            notification = parse_notification(event.data, self.key_form)
        except Unprocessable as refused:
            steps.REASONS.labels(refused.reason).inc()
            problems.append(refused)
            return
        ours = [stored for stored in notification.stored if stored.bucket in self.sources]
        counts["ignored"] += notification.ignored + len(notification.stored) - len(ours)
        if notification.unreadable:
            problems.append(Unprocessable("unreadable-record", f"{notification.unreadable} of the event's records"))
        await self._handle_images(ours, delivery, counts, problems)

    async def _handle_images(
        self, images: Sequence[StoredObject], delivery: Delivery, counts: Counter[str], problems: list[Exception]
    ) -> None:
        endings = await asyncio.gather(*(self.handle(image, delivery) for image in images), return_exceptions=True)
        for ending in endings:
            if isinstance(ending, Ending):
                counts[ending.value] += 1
                steps.DELIVERIES.labels(ending.value).inc()
            elif isinstance(ending, Exception):
                _count(ending)
                problems.append(ending)
            else:
                raise ending


def _marked(delivery: Delivery, event: CloudEvent) -> Delivery:
    mark = event.extensions.get(_BACKFILL)
    return delivery if mark is None else replace(delivery, backfill=True, notify=mark == "notify")


def _rank(problem: Exception) -> int:
    if isinstance(problem, Unprocessable):
        return 3
    return 0 if isinstance(problem, Unavailable) else 1 if isinstance(problem, Busy) else 2


def _count(problem: Exception) -> None:
    if isinstance(problem, Unprocessable):
        steps.REASONS.labels(problem.reason).inc()
    if isinstance(problem, Unavailable):
        steps.UNAVAILABLE.labels(problem.dependency).inc()
    steps.DELIVERIES.labels(REFUSED if isinstance(problem, Unprocessable) else GIVEN_BACK).inc()
