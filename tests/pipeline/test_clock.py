"""Times as stores and people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.errors import UsageError
from medpattern.pipeline.clock import now, parse_span, parse_time, rfc3339, seconds_between

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)


@given(moments)
def test_what_is_written_is_read_back(moment: datetime) -> None:
    text = rfc3339(moment)
    assert text.endswith("Z")
    assert parse_time(text) == moment
    assert parse_time(moment.isoformat()) == moment


def test_present_knows_its_zone() -> None:
    assert now().tzinfo is UTC


def test_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 11, 21))


AT = datetime(2026, 11, 21, 2, 55, 58, 572916, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T02:55:58.572916Z", AT),
        ("2026-11-21 02:55:58.572916Z", AT),
        ("2026-11-21t02:55:58.572916z", AT),
        ("2026-11-21T02:55:58.572916123Z", AT),
        ("2026-11-21T02:55:58.572916", AT),
        ("2026-11-21T04:55:58.572916+02:00", AT),
        ("2026-11-21T04:55:58.572916+0200", AT),
        (" 2026-11-21T02:55:58.572Z\n", AT.replace(microsecond=572000)),
        ("2026-11-21T02:55:58Z", AT.replace(microsecond=0)),
    ],
)
def test_forms_that_object_stores_send_are_read(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-21", "2026-13-21T00:00:00Z", "2026-11-21T25:00:00Z", "20261121T025558Z",
             "2026-11-21T02:55:58+99:00", "0001-01-01T00:00:00+23:59", "２026-11-21T02:55:58Z"]
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@given(st.text())
def test_no_text_makes_the_reader_fail(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC


@given(moments, moments)
def test_span_is_never_negative_and_a_skew_is_told(one: datetime, other: datetime) -> None:
    span, skewed = seconds_between(one, other)
    assert span == max(0.0, (other - one).total_seconds())
    assert skewed == (other < one)


@given(st.integers(0, 999_999), st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("w", 604800)]))
def test_span_is_a_number_and_a_unit(number: int, unit: tuple[str, int]) -> None:
    assert parse_span(f"{number}{unit[0]}") == timedelta(seconds=number * unit[1])


@pytest.mark.parametrize("text", ["", "10", "m", "-1d", "1.5h", "10 m", "1y", "10min", "9999999d", "１d"])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="10m"):
        parse_span(text)
