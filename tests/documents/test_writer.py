"""Writing YAML: what is written reads back equal, by medpattern and by real Helm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medpattern.documents.reader import parse_text
from medpattern.documents.scalars import integral, is_plain
from medpattern.documents.writer import Raw, double_quoted, dump, quote, scalar
from tests.charts.strategies import ODD, anything, texts
from tests.documents.helm import read_by_helm, same

ANY_TEXT = texts() | st.text(max_size=8)
ANYTHING = st.recursive(
    anything() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def normal(value: Any) -> Any:
    """As the reader gives it: integral floats are integers."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return integral(value) if isinstance(value, float) else value


def typed(value: Any) -> Any:
    """`value` with the type of every scalar, since True == 1 == 1.0."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value), value)


@settings(max_examples=200)
@given(ANYTHING)
@example([[[], {}], {"": []}])
@example({"a": [[["b"]], {"c": {"d": [{"e": "f\ng"}]}}]})
def test_what_is_written_is_read_back(value: Any) -> None:
    assert typed(parse_text("f", dump(value)).data) == typed(normal(value))


@settings(max_examples=150)
@given(st.dictionaries(texts(), anything(), max_size=4))
def test_helm_reads_back_what_is_written(value: dict[str, Any]) -> None:
    helm = read_by_helm(dump(value))
    assert helm is not None
    assert same(value, helm), (value, helm)


@pytest.mark.parametrize("text", ODD)
def test_an_odd_string_stays_a_string(text: str) -> None:
    for value in ({"k": text}, {"k": [text]}, {text: {"k": text}}, {"k": {"l": {"m": text}}}):
        assert parse_text("f", dump(value)).data == value
        assert read_by_helm(dump(value)) == value


@given(ANY_TEXT)
def test_a_quoted_string_takes_one_line(text: str) -> None:
    assert len(quote(text).splitlines()) <= 1
    assert parse_text("f", f"- {quote(text)}").data == [text]
    assert parse_text("f", f"- {double_quoted(text)}").data == [text]


@given(texts())
def test_a_plain_string_means_itself_everywhere(text: str) -> None:
    if is_plain(text):
        assert parse_text("f", f"{text}: {text}").data == {text: text}
        assert read_by_helm(f"{text}: {text}") == {text: text}


@given(ANYTHING)
def test_writing_twice_gives_the_same_bytes(value: Any) -> None:
    text = dump(value)
    assert dump(parse_text("f", text).data) == dump(normal(value))
    assert text.endswith("\n")
    assert not any(line.endswith((" ", "\t")) for line in text.split("\n"))


def test_keys_keep_their_order() -> None:
    keys = ["z", "a", "10", "9", "b"]
    assert list(parse_text("f", dump(dict.fromkeys(keys, 1))).data) == keys


@given(st.integers(1, 1000))
def test_keys_may_be_long(length: int) -> None:
    value = {"k" * length: {"l" * length: 1}}
    assert parse_text("f", dump(value)).data == value


def test_the_header_stands_above() -> None:
    assert dump({"a": 1}, header="# made\n") == "# made\na: 1\n"


def test_raw_text_is_not_quoted() -> None:
    assert dump({"a": Raw("{{ .Values.x }}"), "b": [Raw("- y")]}) == "a: {{ .Values.x }}\nb:\n- - y\n"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"JSON"):
        dump({"a": [value]})


@pytest.mark.parametrize("value", [object(), b"bytes", {1}, 1j])
def test_what_yaml_lacks_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dump({"a": value})


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (None, "null"), (3, "3"), (0.5, "0.5"), ("y", '"y"'), ("a", "a")]
)
def test_scalars(value: Any, text: str) -> None:
    assert scalar(value) == text
