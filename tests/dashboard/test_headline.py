from __future__ import annotations

from dataclasses import replace

import pytest

from medpattern.dashboard.headline import headline
from medpattern.dashboard.health import StageHealth
from medpattern.dashboard.state import Phase, RunState, StageState
from medpattern.pipeline.database.accounting import Accounts

BOOKS = Accounts(5, 0, 0, 0, 0, 0, 0)
RUN = RunState(Phase.RUNNING, stored=9)


def stage(state: StageState) -> StageHealth:
    return StageHealth("bridge", 1, state, 0, "")


def test_it_stays_the_same_while_all_goes_well() -> None:
    later = replace(BOOKS, results=8, duplicates=2, notifications=3, quarantined=1)
    assert headline(RUN, [stage(StageState.READY)], BOOKS) == headline(
        replace(RUN, stored=12), [stage(StageState.READY)], later
    )


@pytest.mark.parametrize(
    ("run", "stages", "books", "problem", "told"),
    [
        (replace(RUN, phase=Phase.STARTING), [], None, "", "is starting"),
        (replace(RUN, phase=Phase.DRAINING), [], BOOKS, "", "No more images are stored"),
        (RUN, [stage(StageState.DOWN)], BOOKS, "", "Stage bridge is down."),
        (RUN, [stage(StageState.SUSPENDED)], BOOKS, "", "Stage bridge is suspended."),
        (RUN, [], replace(BOOKS, dead_letters=1), "", "1 dead letter."),
        (RUN, [], replace(BOOKS, dead_letters=1, nameless=2), "", "3 dead letters."),
        (RUN, [], None, "database is unavailable", "Database is unavailable."),
        (replace(RUN, reporting=False), [], BOOKS, "", "no longer reports"),
        (replace(RUN, phase=Phase.DONE), [], BOOKS, "", "5 of 9 stored images accounted for."),
    ],
)
def test_it_tells_what_happened(
    run: RunState, stages: list[StageHealth], books: Accounts | None, problem: str, told: str
) -> None:
    assert told in headline(run, stages, books, problem)


def test_a_database_that_is_not_there_yet_is_no_news() -> None:
    run = replace(RUN, phase=Phase.STARTING)
    assert headline(run, [], None, "database is unavailable") == headline(run, [], None)


def test_stages_that_ended_with_the_run_are_no_news() -> None:
    assert "bridge" not in headline(replace(RUN, phase=Phase.DONE), [stage(StageState.DOWN)], BOOKS)
