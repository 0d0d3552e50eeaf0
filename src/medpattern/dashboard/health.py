"""Whether a stage answers: the page asks for itself, beside what the run says of its processes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from medpattern.dashboard.state import Stage, StageState

if TYPE_CHECKING:
    from http.client import HTTPResponse

# Long enough for a busy machine, short enough that a stage that hangs does not hold up the page.
_SECONDS = 0.8
_HERE = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d{1,5})?/\S*")
_MOST_BYTES = 500
_ASKED = (StageState.STARTING, StageState.READY, StageState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class StageHealth:
    """One row of the table of stages; `answer` is "" where there is nobody to ask."""

    name: str
    pid: int | None
    state: StageState
    restarts: int
    answer: str


class Probe:
    """Asks all stages at once; `close` when done."""

    def __init__(self, askers: int = 8) -> None:
        self._pool = ThreadPoolExecutor(askers, thread_name_prefix="health")

    def ask(self, stages: Sequence[Stage]) -> tuple[StageHealth, ...]:
        """The stages with their answers, in the same order."""
        answers = self._pool.map(_answer, stages)
        return tuple(
            StageHealth(stage.name, stage.pid, stage.state, stage.restarts, answer)
            for stage, answer in zip(stages, answers, strict=True)
        )

    def close(self) -> None:
        """Ends its threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _answer(stage: Stage) -> str:
    if stage.health is None or stage.state not in _ASKED or not _HERE.fullmatch(stage.health):
        return ""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(stage.health, timeout=_SECONDS):
            return "ready"
    except HTTPError as refused:
        with refused:
            return f"not ready: {reason}" if (reason := _reason(refused)) else f"answers {refused.code}"
    except (URLError, OSError, ValueError):
        return "no answer"


def _reason(answer: HTTPError | HTTPResponse) -> str:
    """Why the stage is not ready, in either form of `pipeline.http.health`: JSON, or plain text."""
    if answer.headers.get_content_type() not in ("application/json", "text/plain"):
        return ""
    text = answer.read(_MOST_BYTES).decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    reason = said.get("reason", "") if isinstance(said, dict) else said
    return " ".join(str(reason).split())[:120] if isinstance(reason, str) else ""
