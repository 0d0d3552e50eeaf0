"""What the run says of itself, in a JSON file that it replaces twice a second.

The page outlives a run that dies, so nothing here is taken for granted: what is missing or of another type counts as
not said, and a file that is no longer rewritten is told from one that is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

# The run writes every half second; on a machine without breath that may take a few.
_SILENT_AFTER_SECONDS = 10.0
_LONGEST = 200
_MOST_STAGES = 64

Word = TypeVar("Word", bound=StrEnum)


class Phase(StrEnum):
    """Where a run is: `draining` handles what is stored and stores nothing more."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    DONE = "done"


class StageState(StrEnum):
    """What the run knows of one of its processes."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Stage:
    """One process of the run; `health` is the URL of its readiness, on this machine, or None."""

    name: str
    pid: int | None
    state: StageState
    restarts: int
    health: str | None


@dataclass(frozen=True, slots=True)
class Model:
    """The model that scores; `low` and `high` bound what it is unsure of, 0 to 1, None where it is not said."""

    name: str
    version: str
    sha256: str
    stand_in: bool
    operating_point: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RunState:
    """The run. `stored`: images put into the source bucket; `expected`: how many there will be, None if unbounded.

    `reporting` is False where the run has not ended and yet no longer rewrites its file.
    """

    phase: Phase = Phase.STARTING
    stored: int = 0
    expected: int | None = None
    embedded: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    model: Model | None = None
    reporting: bool = True


def read_state(path: Path) -> RunState:
    """The run's state as the file at `path` has it; a file that is not there yet is a run that starts."""
    try:
        written = path.stat().st_mtime
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return RunState()
    except (OSError, ValueError, RecursionError):
        return RunState(reporting=False)
    state = parse_state(value)
    fresh = time.time() - written < _SILENT_AFTER_SECONDS
    return state if fresh or state.phase is Phase.DONE else replace(state, reporting=False)


def parse_state(value: object) -> RunState:
    """The state in what JSON gave; never raises."""
    said = _map(value)
    stages = said.get("stages")
    return RunState(
        phase=_word(said.get("phase"), Phase.STARTING),
        stored=_whole(said.get("stored")) or 0,
        expected=_whole(said.get("expected")),
        embedded=tuple(_text(part) for part in _list(said.get("embedded"))),
        stages=tuple(_stage(_map(stage)) for stage in _list(stages)[:_MOST_STAGES]),
        model=_model(_map(said.get("model"))),
    )


def _stage(said: Mapping[str, Any]) -> Stage:
    return Stage(
        name=_text(said.get("name")) or "unnamed",
        pid=_whole(said.get("pid")),
        state=_word(said.get("state"), StageState.DOWN),
        restarts=_whole(said.get("restarts")) or 0,
        health=_text(said.get("health")) or None,
    )


def _model(said: Mapping[str, Any]) -> Model | None:
    if not said:
        return None
    point = said.get("operatingPoint", said.get("operating_point"))
    bounds = _map(point)
    return Model(
        name=_text(said.get("name")),
        version=_text(said.get("version")),
        sha256=_text(said.get("sha256")),
        # A model that does not say that it was trained is not taken for one that was.
        stand_in=said.get("standIn", said.get("stand_in")) is not False,
        operating_point=_text(point) or _text(bounds.get("name")),
        low=_share(bounds.get("low")),
        high=_share(bounds.get("high")),
    )


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _word(value: object, default: Word) -> Word:
    words = type(default)
    return words(value) if isinstance(value, str) and value in {word.value for word in words} else default
