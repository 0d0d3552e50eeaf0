"""Why an event was given up: our own answers are quoted, nobody else's."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.deadletters.cause import LONGEST_DETAIL, REASON, Cause, cause_of
from tests.pipeline.deadletters.events import problem


def encoded(body: str | bytes) -> str:
    return base64.b64encode(body.encode() if isinstance(body, str) else body).decode()


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 502, 503, 504])
def test_what_passes_is_worth_a_repeat(status: int) -> None:
    assert cause_of({"knativeerrorcode": str(status)}) == Cause(f"http-{status}", "", retryable=True)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 405, 413, 415, 422])
def test_what_was_refused_is_not(status: int) -> None:
    assert cause_of({"knativeerrorcode": str(status)}) == Cause(f"http-{status}", "", retryable=False)


@pytest.mark.parametrize("code", [{}, {"knativeerrorcode": ""}, {"knativeerrorcode": "-1"}, {"knativeerrorcode": "0"}])
def test_no_answer_is_worth_a_repeat(code: dict[str, str]) -> None:
    assert cause_of(code) == Cause("no-answer", "", retryable=True)


def test_reason_and_detail_of_this_programs_answers() -> None:
    found = cause_of(problem(422, "too-many-pixels", "30000 x 30000, at most 100 million"))
    assert found == Cause("too-many-pixels", "30000 x 30000, at most 100 million", retryable=False)
    assert cause_of(problem(503, "s3-unavailable")) == Cause("s3-unavailable", "", retryable=True)


def test_the_reason_survives_the_cut_of_a_long_body() -> None:
    given_up = problem(422, "not-an-image", "x" * 900)
    for length in (104, 105, 106, 107, 400):
        cut = given_up | {"knativeerrordata": given_up["knativeerrordata"][:length]}
        assert cause_of(cut).reason == "not-an-image"


def test_a_detail_has_no_more_than_safe_characters() -> None:
    found = cause_of(problem(422, "odd", "a=<b> 'c' \u00fc \\ \" 100% \n(d) /e_f-g:h,i." + "z" * 400))
    assert found.detail == ("ab c    100 (d) /e_f-g:h,i." + "z" * 400)[:LONGEST_DETAIL]


@pytest.mark.parametrize(
    "body",
    [
        "<html>Bad Gateway: patient SYN-1</html>",
        '{"reason": "patient-syn-1", "detail": "SYN-1"}',
        '{"type": "about:blank", "status": 502, "reason": "Patient SYN-1", "detail": "SYN-1"}',
        '{"type": "about:blank", "title": "patient", "status": 502, "reason": "patient", "detail": "SYN-1"}',
        b"\xff\xfe",
        "",
    ],
)
def test_other_peoples_answers_are_not_quoted(body: str | bytes) -> None:
    found = cause_of({"knativeerrorcode": "502", "knativeerrordata": encoded(body)})
    assert found == Cause("http-502", "", retryable=True)


@given(st.text(max_size=10), st.one_of(st.text(max_size=200), st.binary(max_size=200).map(encoded)))
def test_nothing_foreign_breaks_it_or_gets_through(code: str, data: str) -> None:
    found = cause_of({"knativeerrorcode": code, "knativeerrordata": data})
    assert REASON.fullmatch(found.reason)
    assert found.detail == ""
