"""What a request asks for, read strictly: a parameter that is misspelt is an error, never left out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from medpattern.errors import UsageError
from medpattern.pipeline.clock import parse_time
from medpattern.pipeline.database.pages import MOST, Cursor, Filter, State
from medpattern.pipeline.events.results import Outcome

Word = TypeVar("Word", bound=StrEnum)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PSEUDONYM = re.compile(r"[a-z2-7]{32}", re.ASCII)
DEFAULT_LIMIT = 50
WORKLIST = frozenset({"outcome", "patient", "simulated", "limit", "after"})
RESULTS = WORKLIST | {"state", "from", "to"}


@dataclass(frozen=True, slots=True)
class Question:
    """Which results, how many, and after which."""

    filter: Filter
    limit: int
    after: Cursor | None


def read_question(query: Mapping[str, str], known: Collection[str]) -> Question:
    """The question in a query string.

    Raises:
        UsageError: a parameter is unknown, or its value is none.
    """
    for name in query:
        if name not in known:
            raise UsageError(f"{name}: no such parameter; known are {', '.join(sorted(known))}")
    wanted = Filter(
        outcome=_word(query, "outcome", Outcome),
        state=_word(query, "state", State),
        since=_moment(query, "from"),
        until=_moment(query, "to"),
        patient=_pseudonym(query, "patient"),
        simulated=_flag(query, "simulated"),
    )
    return Question(wanted, _limit(query), Cursor.read(query["after"]) if query.get("after") else None)


def read_object(data: bytes, known: Collection[str]) -> dict[str, Any]:
    """A JSON object whose keys are all in `known` and whose values are all texts. Raises UsageError for any other."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise UsageError("the body is no JSON object")
    for name, value in found.items():
        if name not in known:
            raise UsageError(f"{name}: no such field; known are {', '.join(sorted(known))}")
        if not isinstance(value, str):
            raise UsageError(f"{name}: a text is wanted")
    return found


def word(text: str, name: str, words: type[Word]) -> Word:
    """`text` as one of `words`. Raises UsageError for any other."""
    if text not in {one.value for one in words}:
        raise UsageError(f"{name}: one of {', '.join(words)} is wanted")
    return words(text)


def is_pseudonym(text: str) -> bool:
    """Whether `text` has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None


def _word(query: Mapping[str, str], name: str, words: type[Word]) -> Word | None:
    return word(query[name], name, words) if query.get(name) else None


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    # In a query string an unescaped + is a blank.
    found = parse_time(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text.replace(" ", "+"))
    if found is None:
        raise UsageError(f"{name}: a day (2026-11-21) or a time (2026-11-21T09:00:00Z) is wanted")
    return found


def _pseudonym(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    if text and not is_pseudonym(text):
        raise UsageError(f"{name}: a pseudonym is wanted: 32 characters of a-z and 2-7")
    return text


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name, "")
    if text not in ("", "true", "false"):
        raise UsageError(f"{name}: true or false is wanted")
    return text == "true" if text else None


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST):
        raise UsageError(f"limit: a number from 1 to {MOST} is wanted")
    return int(text)
