"""What may be known of an image when an event names it; apart from the tables, so that it loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What is already known of an image."""

    RESULT = "result"
    SUPERSEDED = "superseded"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Known:
    """An image that is not to be scored again; `unpublished` is the event that nobody has sent yet."""

    standing: Standing
    unpublished: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one result, until the database's clock says otherwise."""

    result_id: str
    image_id: str
    holder: str
