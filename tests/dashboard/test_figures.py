from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from medpattern.dashboard.figures import Moments, latencies, per_second, quantiles
from tests.dashboard.world import moment

NOW = moment("2026-11-21T09:00:00.500")


@given(st.lists(st.floats(0, 1e4).map(lambda value: round(value, 3)), min_size=1))
def test_quantiles_are_spans_that_were_taken_and_leave_at_most_their_share_above(seconds: list[float]) -> None:
    found = quantiles("all", seconds)
    for value, share in ((found.p50, 0.50), (found.p95, 0.95), (found.p99, 0.99)):
        assert value in seconds
        assert sum(span <= value for span in seconds) >= share * len(seconds)
        assert sum(span < value for span in seconds) < share * len(seconds)


def test_no_image_has_no_quantiles() -> None:
    assert {row.p95 for row in latencies([])} == {None}


def test_latency_is_told_whole_and_in_parts_and_a_clock_that_runs_behind_counts_as_none() -> None:
    right = Moments(NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=3), NOW + timedelta(seconds=6))
    skewed = Moments(NOW + timedelta(hours=1), *(right.received, right.scored, right.published))
    told = {row.name: row for row in latencies([right, skewed])}
    assert (told["stored to published"].p50, told["stored to published"].p99) == (0, 6)
    assert told["stored to received"].p99 == 1
    assert told["received to scored"].p50 == 2
    assert told["scored to published"].p50 == 3


def test_an_image_whose_storing_nobody_timed_counts_where_it_can() -> None:
    told = {row.name: row.count for row in latencies([Moments(None, NOW, NOW, NOW)])}
    assert told == {
        "stored to published": 0,
        "stored to received": 0,
        "received to scored": 1,
        "scored to published": 1,
    }


def test_throughput_counts_complete_seconds_of_the_last_minute() -> None:
    ago = (0.1, 0.7, 1.2, 1.4, 60.4, 60.6, 90)
    counts = per_second([NOW - timedelta(seconds=seconds) for seconds in ago], NOW)
    assert len(counts) == 60
    assert counts[-1] == 3, "0.1 s ago is the second that still runs"
    assert counts[0] == 1
    assert sum(counts) == 4
