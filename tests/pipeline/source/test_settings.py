from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.errors import UsageError
from medpattern.pipeline.source.settings import Target, duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT0.2S", 0.2), ("PT2S", 2), ("PT1M30S", 90), ("PT1H", 3600), ("P1DT1S", 86401)]
)
def test_durations_are_those_of_iso_8601(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "2", "2s", "PT2", "PTS", "PT-1S", "P1M", "PT1S "])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="no duration"):
        duration(text)


def test_an_address_is_taken_apart() -> None:
    assert Target.read("http://sink:8080/a?b=c") == Target("http://sink:8080/a?b=c", False, "sink", 8080, "/a?b=c")
    assert Target.read("https://sink") == Target("https://sink", True, "sink", 443, "/")
    assert Target.read("http://[::1]:81").host == "::1"


@pytest.mark.parametrize(
    "url", ["", "sink:8080", "ftp://sink/", "http://", "http://u:p@sink/", "http://sink:x/", "http://a b/"]
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Target.read(url)


@given(st.text())
def test_any_text_is_an_address_or_a_wrong_use(url: str) -> None:
    with contextlib.suppress(UsageError):
        assert Target.read(url).host
