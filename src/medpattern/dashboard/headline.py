"""The state of the run in a sentence or two: what a screen reader speaks, so it changes only when something did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from medpattern.dashboard.state import Phase, RunState, StageState

if TYPE_CHECKING:
    from medpattern.dashboard.health import StageHealth
    from medpattern.pipeline.database.accounting import Accounts

_PHASES = {
    Phase.STARTING: "The run is starting.",
    Phase.RUNNING: "The run is going on.",
    Phase.DRAINING: "No more images are stored; the last ones are being handled.",
}
_WRONG = (StageState.DOWN, StageState.SUSPENDED)


def headline(run: RunState, stages: Sequence[StageHealth], books: Accounts | None, problem: str = "") -> str:
    """One to four short sentences.

    No number in it ticks while all goes well: results are counted once the run has ended, dead letters always, since
    each of them is news.
    """
    return " ".join(_sentences(run, stages, books, problem))


def _sentences(run: RunState, stages: Sequence[StageHealth], books: Accounts | None, problem: str) -> Iterator[str]:
    if not run.reporting:
        yield "The run no longer reports: what is shown is what was last known."
    elif run.phase is not Phase.DONE:
        yield _PHASES[run.phase]
    elif books is None:
        yield "The run has ended."
    else:
        yield f"The run has ended: {min(books.images, run.stored)} of {run.stored} stored images accounted for."
    if problem and run.phase is not Phase.STARTING:
        yield f"{problem[0].upper()}{problem[1:]}."
    if run.phase is not Phase.DONE:
        yield from (f"Stage {stage.name} is {stage.state}." for stage in stages if stage.state in _WRONG)
    if books is not None and (dead := books.dead_letters + books.nameless):
        yield f"{dead} dead letter{'' if dead == 1 else 's'}."
