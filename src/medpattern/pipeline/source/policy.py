"""What an answer means for an event: done, again, hold back, or to the dead letters. Pure functions.

2xx                                            done
503 with Medpattern-Unavailable,
no connection, a connection that broke         held: again, not counted
other 5xx, 404, 408, 409, 429, no answer       again, `retry` times, then the dead letter sink
any other                                      the dead letter sink at once

To the dead letter sink itself only 2xx counts; every other answer is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from medpattern.pipeline.source.settings import DeliveryPolicy
from medpattern.pipeline.source.words import Growth

_RETRIED = frozenset({404, 408, 409, 429})
_AWAY = frozenset({"s3", "kafka", "database", "model", "busy"})


class Silence(StrEnum):
    """Why there is no answer: nobody took the connection, it broke on the way, nothing came in time, no HTTP came."""

    REFUSED = "sink-unreachable"
    BROKEN = "sink-broke-off"
    TIMEOUT = "timeout"
    NONSENSE = "not-http"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why none came. `unavailable` is the header Medpattern-Unavailable."""

    status: int | None = None
    silence: Silence | None = None
    unavailable: str = ""
    body: bytes = field(default=b"", repr=False)


class Verdict(StrEnum):
    """What to do with the event now."""

    DONE = "done"
    RETRY = "retry"
    HOLD = "hold"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the delivery of one event has come.

    `attempts` were answered, or not in time; `breaks` ended with a broken connection; `holds` is how often in a
    row it was held. `dead` is the answer that sent it to the dead letters.
    """

    attempts: int = 0
    breaks: int = 0
    holds: int = 0
    dead: Answer | None = None

    @property
    def tries(self) -> int:
        """How often it was sent and may have been handled."""
        return self.attempts + self.breaks


@dataclass(frozen=True, slots=True)
class Step:
    """What follows: a verdict, the pause before it in seconds, and where it is held, for what."""

    verdict: Verdict
    progress: Progress
    pause: float = 0.0
    held_for: str = ""


def follow(progress: Progress, answer: Answer, policy: DeliveryPolicy) -> Step:
    """The step after `answer`."""
    status = answer.status
    done = status is not None and 200 <= status < 300
    if progress.dead is not None:
        return Step(Verdict.DONE, progress) if done else _hold(progress, "dead-letter-sink", policy)
    if done:
        return Step(Verdict.DONE, replace(progress, attempts=progress.attempts + 1))
    if answer.silence is Silence.REFUSED:
        return _hold(progress, answer.silence.value, policy)
    if answer.silence is Silence.BROKEN:
        broken = replace(progress, breaks=progress.breaks + 1)
        if broken.breaks > policy.most_breaks:
            return _bury(broken, answer)
        return _hold(broken, answer.silence.value, policy)
    if status == 503 and answer.unavailable:
        away = answer.unavailable if answer.unavailable in _AWAY else "other"
        return _hold(progress, away, policy)
    counted = replace(progress, attempts=progress.attempts + 1, holds=0)
    repeatable = status is None or status >= 500 or status in _RETRIED
    if repeatable and counted.attempts <= policy.retry:
        return Step(Verdict.RETRY, counted, backoff(counted.attempts, policy))
    return _bury(counted, answer)


def backoff(attempt: int, policy: DeliveryPolicy) -> float:
    """Seconds before the next try after `attempt` (1 is the first) failed, as Knative computes them."""
    factor = attempt if policy.growth is Growth.LINEAR else 2.0 ** min(attempt, 60)
    return policy.delay * factor


def _hold(progress: Progress, reason: str, policy: DeliveryPolicy) -> Step:
    pause = min(policy.longest_hold, policy.first_hold * 2.0 ** min(progress.holds, 30))
    return Step(Verdict.HOLD, replace(progress, holds=progress.holds + 1), pause, reason)


def _bury(progress: Progress, answer: Answer) -> Step:
    return Step(Verdict.DEAD, replace(progress, holds=0, dead=answer))
