"""Pages of results and the worklist. tests/real runs this on PostgreSQL too."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from medpattern.errors import UsageError
from medpattern.pipeline.database.accounting import current_results
from medpattern.pipeline.database.pages import URGENCY, Cursor, Filter, State, read_page, read_worklist
from medpattern.pipeline.database.verdicts import add_verdict
from medpattern.pipeline.events.results import Outcome, Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from tests.pipeline.database.test_accounting import score
from tests.pipeline.samples import MODEL, OTHER_MODEL, SCORED, result_of


def made(engine: Engine, count: int = 40) -> list[Result]:
    """Results of two models, some at the very same time, a third of them read."""
    chance = random.Random(7)
    found = []
    for number in range(count):
        image = ObjectVersion("xrays", f"{number // 2}.png", "v1")
        when = SCORED + timedelta(minutes=chance.randrange(12))
        model = (MODEL, OTHER_MODEL)[number % 2]
        found.append(result_of(image, model, scored_at=when, outcome=chance.choice(list(Outcome))))
        score(engine, found[-1])
        if number % 3 == 0:
            add_verdict(engine, found[-1].result_id, NewVerdict(Opinion.AGREE, "dr.osei"))
    return found


@pytest.mark.parametrize("pinned", ["", MODEL, "ef" * 32])
def test_pages_hold_the_current_results_and_no_other(engine: Engine, pinned: str) -> None:
    made(engine)
    with engine.begin() as connection:
        current = set(connection.scalars(select(current_results(pinned).c.result_id)))
    page = read_page(engine, Filter(), 200, pinned=pinned)
    assert {result.result_id for result in page.results} == current
    times = [(result.scored_at, result.result_id) for result in page.results]
    assert times == sorted(times, reverse=True)
    unread = {
        result.result_id for result in read_page(engine, Filter(state=State.PRELIMINARY), 200, None, pinned).results
    }
    worklist = read_worklist(engine, Filter(), 200, pinned=pinned).results
    assert {result.result_id for result in worklist} == unread < current
    ranks = [(URGENCY.index(result.outcome), result.scored_at, result.result_id) for result in worklist]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("read", [read_page, read_worklist])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_are_the_whole_cut_in_pieces(engine: Engine, read: object, limit: int) -> None:
    made(engine)
    whole = read(engine, Filter(), 200).results  # type: ignore[operator]
    pieces: list[Result] = []
    after = None
    while True:
        page = read(engine, Filter(), limit, after)  # type: ignore[operator]
        pieces += page.results
        if page.next is None:
            break
        after = Cursor.read(str(page.next))
    assert tuple(pieces) == whole


@pytest.mark.parametrize(
    "text", ["", "1", "3-0-" + "0" * 64, "0-1-" + "g" * 64, "0--1-" + "0" * 64, "0-" + "9" * 20 + "-" + "0" * 64]
)
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="after"):
        Cursor.read(text)
