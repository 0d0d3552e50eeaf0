"""What a reader says of a result. It stands beside the result and never changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from medpattern.errors import UsageError

LONGEST_COMMENT = 2000
LONGEST_READER = 255


class Opinion(StrEnum):
    """Whether the reader finds what the model found."""

    AGREE = "agree"
    DISAGREE = "disagree"
    OTHER_FINDING = "other-finding"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reader's opinion of one result; `given` is UTC by the database's clock."""

    verdict_id: str
    result_id: str
    opinion: Opinion
    reader: str
    comment: str
    given: datetime


@dataclass(frozen=True, slots=True)
class NewVerdict:
    """A verdict that has not been stored yet."""

    opinion: Opinion
    reader: str
    comment: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError for a reader or a comment that cannot be stored or shown."""
        _check("reader", self.reader, LONGEST_READER)
        _check("comment", self.comment, LONGEST_COMMENT)
        if not self.reader.strip():
            raise UsageError("the reader is empty: give the name that the hospital knows the reader by")


def _check(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise UsageError(f"the {what} has {len(text)} characters; at most {longest} are stored")
    if any(_is_control(character) for character in text):
        raise UsageError(f"the {what} holds a control character; line breaks and tabs are the only ones allowed")


def _is_control(character: str) -> bool:
    # PostgreSQL refuses U+0000 and lone surrogates, FHIR all control characters but these.
    return (ord(character) < 0x20 and character not in "\t\n\r") or 0xD800 <= ord(character) < 0xE000
