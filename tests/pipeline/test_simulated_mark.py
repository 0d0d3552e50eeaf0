"""The simulator's mark belongs to one object and one key holder."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.simulated_mark import make_mark, verify_mark

KEY = bytes(range(32))


def test_a_mark_is_verified_for_its_own_object_only() -> None:
    mark = make_mark(KEY, "xray", "a/b.png", b"film")
    assert verify_mark(mark, KEY, "xray", "a/b.png", b"film")
    assert not verify_mark(mark, KEY, "xray", "a/b.png", b"other film")
    assert not verify_mark(mark, KEY, "xray", "a/c.png", b"film")
    assert not verify_mark(mark, KEY, "real", "a/b.png", b"film")
    assert not verify_mark(mark, bytes(32), "xray", "a/b.png", b"film")


def test_moving_letters_from_the_bucket_to_the_key_gives_another_mark() -> None:
    assert make_mark(KEY, "xray", "a", b"film") != make_mark(KEY, "xra", "ya", b"film")


def test_the_mark_is_the_documented_formula() -> None:
    message = (
        b"\0\0\0\0\0\0\0\x01b" + b"\0\0\0\0\0\0\0\x02\xc3\xa4" + b"\0\0\0\0\0\0\0\x20" + hashlib.sha256(b"").digest()
    )
    assert make_mark(KEY, "b", "ä", b"") == hmac.digest(KEY, message, "sha256").hex()


@given(st.text())
def test_any_foreign_text_is_answered_with_no(text: str) -> None:
    assert not verify_mark(text, KEY, "xray", "a", b"film")


def test_a_short_mark_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make_mark(b"", "xray", "a", b"film")
