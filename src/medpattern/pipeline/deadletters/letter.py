"""A dead letter: what may be known of an event that was given up, and the event itself, sealed."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medpattern.pipeline.clock import parse_time, rfc3339
from medpattern.pipeline.deadletters.cause import LONGEST_DETAIL, REASON
from medpattern.pipeline.deadletters.sealing import Seal, SealBroken
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.failures import Unprocessable

MOST_ATTEMPTS = 1000
# A record of Kafka has 1 MB unless the broker says otherwise; base64 and the rest have to fit.
MOST_SEALED_BYTES = 700_000

_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ATTRIBUTES = ("id", "source", "type", "subject", "time", "content_type")
_PSEUDONYM = re.compile(r"[a-z2-7]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One image version that was given up, or one event that names no image of ours.

    `id` is the image's id, so that there is one letter per image version however often it comes. `attempts`
    counts rounds: 1, and one more for each replay that came back. `image_id` and `image_pseudonym` are None for
    an event that names no image. Times are UTC.
    """

    id: str
    image_id: str | None
    image_pseudonym: str | None
    reason: str
    detail: str
    retryable: bool
    attempts: int
    first_at: datetime
    last_at: datetime
    sealed: bytes = field(repr=False)

    def record(self) -> bytes:
        """The letter as the JSON of the topic."""
        value = {
            "id": self.id,
            "imageId": self.image_id,
            "image": self.image_pseudonym,
            "reason": self.reason,
            "detail": self.detail,
            "retryable": self.retryable,
            "attempts": self.attempts,
            "firstAt": rfc3339(self.first_at),
            "lastAt": rfc3339(self.last_at),
            "sealed": base64.b64encode(self.sealed).decode(),
        }
        return json.dumps(value, separators=(",", ":")).encode()


def is_letter_id(text: str) -> bool:
    """Whether `text` has the form of an id."""
    return _ID.fullmatch(text) is not None


def read_letter(data: bytes) -> DeadLetter:
    """The letter in a record of the topic.

    Raises:
        Unprocessable: it is none of this program.
    """
    try:
        value = json.loads(data)
        return DeadLetter(
            id=_matching(_ID, value["id"]),
            image_id=_optional(_ID, value["imageId"]),
            image_pseudonym=_optional(_PSEUDONYM, value["image"]),
            reason=_matching(REASON, value["reason"]),
            detail=_detail(value["detail"]),
            retryable=value["retryable"] is True,
            attempts=_attempts(value["attempts"]),
            first_at=_moment(value["firstAt"]),
            last_at=_moment(value["lastAt"]),
            sealed=base64.b64decode(value["sealed"], validate=True),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise Unprocessable("not-a-dead-letter", "the record is no dead letter") from problem


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as a letter keeps it; `whole` is False where its data were too large to be kept."""

    event: CloudEvent
    whole: bool = True


def seal_event(event: CloudEvent, letter_id: str, seal: Seal) -> tuple[bytes, bool]:
    """`event`, sealed for the letter `letter_id`, and whether all of it is in there.

    Compressed first: what is sealed does not shrink, and a record has its limit.
    """
    sealed = seal.close(_packed(SealedEvent(event)), letter_id)
    if len(sealed) <= MOST_SEALED_BYTES:
        return sealed, True
    head = CloudEvent(event.id[:1024], event.source[:1024], event.type[:1024])
    return seal.close(_packed(SealedEvent(head, whole=False)), letter_id), False


def open_event(sealed: bytes, letter_id: str, seal: Seal) -> SealedEvent:
    """The event that `seal_event` sealed.

    Raises:
        SealBroken: no key opens it, or it was changed.
    """
    try:
        value = json.loads(zlib.decompress(seal.open(sealed, letter_id)))
        attributes = {name: value[name] for name in _ATTRIBUTES}
        event = CloudEvent(**attributes, data=base64.b64decode(value["data"]), extensions=dict(value["extensions"]))
    except (ValueError, KeyError, TypeError, zlib.error) as problem:
        raise SealBroken("not a sealed event of this program") from problem
    return SealedEvent(event, value["whole"] is True)


def _packed(kept: SealedEvent) -> bytes:
    event = kept.event
    value: dict[str, Any] = {name: _writable(getattr(event, name)) for name in _ATTRIBUTES}
    value["extensions"] = {name: _writable(text) for name, text in event.extensions.items()}
    value |= {"data": base64.b64encode(event.data).decode(), "whole": kept.whole}
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode())


def _writable(text: str) -> str:
    # Half a surrogate pair, which JSON can bring in, could not be written to a header again.
    return text.encode("utf-8", "replace").decode()


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError("not of that form")
    return value


def _optional(pattern: re.Pattern[str], value: Any) -> str | None:
    return None if value is None else _matching(pattern, value)


def _detail(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_DETAIL:
        raise ValueError("not a detail")
    return value


def _attempts(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ATTEMPTS:
        raise ValueError("not a number of attempts")
    return value


def _moment(value: Any) -> datetime:
    found = parse_time(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a time")
    return found
