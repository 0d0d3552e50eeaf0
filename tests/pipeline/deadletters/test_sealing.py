"""A sealed event is opened by its key and its letter's id, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.deadletters.sealing import Seal, SealBroken

NEW, OLD = b"the key that seals from now on, long enough", b"the key that sealed until yesterday, long too"
IDS = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(st.binary(max_size=300), IDS)
def test_opens_what_it_sealed(content: bytes, letter: str) -> None:
    sealed = Seal((NEW,)).close(content, letter)
    assert Seal((NEW,)).open(sealed, letter) == content


@given(st.binary(min_size=8, max_size=300), IDS, st.data())
def test_refuses_what_was_changed_anywhere(content: bytes, letter: str, data: st.DataObject) -> None:
    sealed = bytearray(Seal((NEW,)).close(content, letter))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        Seal((NEW,)).open(bytes(sealed), letter)


@pytest.mark.parametrize("length", [0, 1, 12, 13, 20])
def test_refuses_what_was_cut(length: int) -> None:
    with pytest.raises(SealBroken):
        Seal((NEW,)).open(Seal((NEW,)).close(b"content", "a")[:length], "a")


def test_a_sealed_event_belongs_to_its_letter() -> None:
    with pytest.raises(SealBroken):
        Seal((NEW,)).open(Seal((NEW,)).close(b"content", "a"), "b")


def test_a_former_key_opens_and_does_not_seal() -> None:
    both = Seal((NEW, OLD))
    assert both.open(Seal((OLD,)).close(b"content", "a"), "a") == b"content"
    assert Seal((NEW,)).open(both.close(b"content", "a"), "a") == b"content"
    with pytest.raises(SealBroken):
        Seal((OLD,)).open(both.close(b"content", "a"), "a")


def test_the_same_content_never_looks_the_same() -> None:
    assert Seal((NEW,)).close(b"content", "a") != Seal((NEW,)).close(b"content", "a")
    assert b"content" not in Seal((NEW,)).close(b"content", "a")
