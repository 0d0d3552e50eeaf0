"""Plain scalars against real Helm."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medpattern.documents.scalars import MAX_EXACT_INTEGER, integral, is_plain, resolve
from tests.documents.helm import read_by_helm, same
from tests.documents.test_reader import SCALARS

PLAIN = [text for text in SCALARS if text not in ("", "-") and not set(text) & set("!'\"|>{}[]&*#, \n")]


@pytest.mark.parametrize("text", PLAIN)
def test_helm_agrees(text: str) -> None:
    helm = read_by_helm(f"k: {text}")
    value = resolve(text)
    assert same({"k": value}, helm), (value, helm)


@settings(max_examples=400)
@given(st.text("0123456789+-._eExXoObBaAfFyYnN:", min_size=1, max_size=7))
def test_helm_agrees_on_whatever_looks_like_a_number(text: str) -> None:
    helm = read_by_helm(f"k: {text}")
    if helm is None or not isinstance(helm.get("k", ()), str | int | float | bool | None):
        return
    assert same(resolve(text), helm["k"]), (resolve(text), helm)


@given(st.text(max_size=6))
def test_plain_text_resolves_to_itself(text: str) -> None:
    if is_plain(text):
        assert resolve(text) == text


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "+.Inf"])
def test_infinities_are_numbers_that_json_lacks(text: str) -> None:
    value = resolve(text)
    assert isinstance(value, float)
    assert not math.isfinite(value)


@given(st.floats())
def test_integral_changes_no_value(number: float) -> None:
    found = integral(number)
    assert found == number or math.isnan(number)
    assert isinstance(found, int) == (number.is_integer() and abs(number) <= MAX_EXACT_INTEGER)
