"""A hidden value stays hidden."""

from __future__ import annotations

import pickle
import traceback

import pytest

from medpattern.secretstore.hidden import Hidden
from tests.secretstore.texts import PLANTED


def test_no_way_of_showing_it_shows_it() -> None:
    hidden = Hidden(PLANTED)

    assert PLANTED not in f"{hidden} {hidden!r} {[hidden]}"
    with pytest.raises(TypeError):
        pickle.dumps(hidden)
    assert hidden.reveal() == PLANTED.encode()


def test_equal_values_are_equal_and_others_are_not() -> None:
    assert Hidden(PLANTED) == Hidden(PLANTED.encode())
    assert Hidden(PLANTED) != Hidden(PLANTED + "x")
    assert Hidden(PLANTED) != PLANTED


def test_bytes_that_are_no_text_are_not_quoted_by_the_error() -> None:
    with pytest.raises(ValueError, match="is not UTF-8") as caught:
        Hidden(PLANTED.encode() + b"\xff").text()

    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
