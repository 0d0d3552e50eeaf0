"""A result and the event that tells of it.

The event's id is the result's, so that every repeat, whoever sends it, is recognised as one.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from medpattern.pipeline.clock import parse_time, rfc3339
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.failures import Unprocessable

STATEMENT = "preliminary, not for diagnosis"
RESULT_TYPE = "medpattern.result.v1"
RESULT_SOURCE = "/medpattern/risk-assessment"
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Outcome(StrEnum):
    """What the model says of an image."""

    NORMAL = "normal"
    PNEUMONIA = "pneumonia"
    UNSURE = "unsure"


class Publication(StrEnum):
    """Whether the images made of it may be looked at; a result goes out either way."""

    PUBLISHED = "published"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Result:
    """One model's result for one image: a row of the table `results`, column by column.

    `risk` is the probability shown, 0 to 1, or None where the gate refused the image; `score` the calibrated
    output that the operating point was applied to. `backfill`: scored later, from what was already stored;
    `notify`: staff are to be told if the outcome asks for it. Times are UTC; `acquired_local` is the time of
    an image that does not say in which zone it was taken.
    """

    result_id: str
    image_id: str
    image_pseudonym: str
    patient_pseudonym: str | None
    source_bucket: str
    outcome: Outcome
    reason: str
    risk: float | None
    score: float | None
    gate: float | None
    operating_point: str
    model_name: str
    model_version: str
    model_sha256: str
    stand_in: bool
    simulated: bool
    backfill: bool
    notify: bool
    publication: Publication
    publication_reason: str
    processed_key: str | None
    anonymised_key: str | None
    image_format: str
    image_width: int
    image_height: int
    acquired_at: datetime | None
    acquired_local: str | None
    stored_at: datetime | None
    received_at: datetime
    scored_at: datetime

    def row(self) -> dict[str, Any]:
        """The values of the columns."""
        return asdict(self)

    def event(self) -> CloudEvent:
        """The result as the CloudEvent that goes to the results topic."""
        model = {"name": self.model_name, "version": self.model_version, "sha256": self.model_sha256}
        data = {
            "resultId": self.result_id,
            "imageId": self.image_id,
            "image": self.image_pseudonym,
            "patient": self.patient_pseudonym,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "risk": self.risk,
            "operatingPoint": self.operating_point,
            "model": model | {"standIn": self.stand_in},
            "statement": STATEMENT,
            "simulated": self.simulated,
            "backfill": self.backfill,
            "notify": self.notify,
            "publication": self.publication.value,
            "publicationReason": self.publication_reason,
            "processed": self.processed_key,
            "anonymised": self.anonymised_key,
            "acquired": _time(self.acquired_at),
            "acquiredLocal": self.acquired_local,
            "stored": _time(self.stored_at),
            "received": _time(self.received_at),
            "scored": _time(self.scored_at),
        }
        return event_from_data(json.dumps(data, separators=(",", ":")))


def event_from_data(data: str) -> CloudEvent:
    """The CloudEvent around `data`, which `Result.event` made; the same each time it is sent."""
    value = json.loads(data)
    return CloudEvent(
        id=value["resultId"],
        source=RESULT_SOURCE,
        type=RESULT_TYPE,
        subject=value["image"],
        time=value["scored"],
        content_type="application/json",
        data=data.encode(),
    )


@dataclass(frozen=True, slots=True)
class ResultNotice:
    """What a reader of the results topic needs to tell people."""

    result_id: str
    image_id: str
    image_pseudonym: str
    outcome: Outcome
    reason: str
    risk: float | None
    model_name: str
    model_version: str
    stand_in: bool
    simulated: bool
    notify: bool
    publication: Publication
    scored_at: datetime


def read_result_event(data: bytes) -> ResultNotice:
    """The notice in an event's data.

    Raises:
        Unprocessable: it is no result of this program.
    """
    try:
        value = json.loads(data)
        return ResultNotice(
            result_id=_id(value["resultId"]),
            image_id=_id(value["imageId"]),
            image_pseudonym=_text(value["image"]),
            outcome=Outcome(value["outcome"]),
            reason=_text(value["reason"]),
            risk=None if value["risk"] is None else float(value["risk"]),
            model_name=_text(value["model"]["name"]),
            model_version=_text(value["model"]["version"]),
            stand_in=value["model"]["standIn"] is True,
            simulated=value["simulated"] is True,
            notify=value["notify"] is True,
            publication=Publication(value["publication"]),
            scored_at=_moment(value["scored"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        raise Unprocessable("not-a-result", "the record is no result event") from problem


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("id")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 255:
        raise ValueError("text")
    return value


def _moment(value: object) -> datetime:
    found = parse_time(_text(value))
    if found is None:
        raise ValueError("time")
    return found


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
