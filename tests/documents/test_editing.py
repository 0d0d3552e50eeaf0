"""Edits of YAML files: exactly one value changes, and a person's comments and order stay."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.documents.editing import set_values
from medpattern.documents.reader import parse_text
from medpattern.documents.writer import dump
from medpattern.errors import UsageError
from tests.charts.strategies import texts

FILE = """\
# Versions of the ward.

applications:
  # The program.
  service:
    tag: "0.1.0"   # pushed by hand
    digest: ''
    ports: {http: 80, name: web}
    # nothing below

  store: &store
    path: here
  copy:
    other: *store
  listed:
    - name: a
      version: 1.2.3

# The end.
text: |
  two
  lines
"""


def edited(*path: str | int, value: str = "new") -> list[str]:
    """The lines that an edit adds and takes away."""
    after = set_values("values.yaml", FILE, {path: value})
    lines = list(difflib.ndiff(FILE.splitlines(), after.splitlines()))
    return [line for line in lines if line[0] in "+-"]


def test_a_value_keeps_its_quotes_and_its_comment() -> None:
    assert edited("applications", "service", "tag") == [
        '-     tag: "0.1.0"   # pushed by hand',
        '+     tag: "new"   # pushed by hand',
    ]
    assert edited("applications", "service", "digest") == ["-     digest: ''", "+     digest: 'new'"]


def test_a_plain_value_is_quoted_only_where_it_has_to_be() -> None:
    assert edited("applications", "listed", 0, "version", value="v1.3.0")[1] == "+       version: v1.3.0"
    assert edited("applications", "listed", 0, "version", value="1.3")[1] == '+       version: "1.3"'


def test_a_key_that_is_missing_comes_last_in_its_map() -> None:
    assert edited("applications", "service", "limit") == ["+     limit: new"]
    assert edited("applications", "service", "ports", "https") == [
        "-     ports: {http: 80, name: web}",
        "+     ports: {http: 80, name: web, https: new}",
    ]
    assert edited("top", "deeper") == ["+ top:", "+   deeper: new"]


def test_a_key_comes_after_an_alias_that_ends_its_map() -> None:
    assert edited("applications", "copy", "own") == ["+     own: new"]


def test_an_empty_file_gets_its_first_key() -> None:
    assert set_values("values.yaml", "", {("a", "b"): "c"}) == "a:\n  b: c\n"
    assert set_values("values.yaml", "# Only a comment.", {("a",): "b"}) == "# Only a comment.\na: b\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (("applications", "copy", "other", "path"), "alias"),
        (("applications", "service"), "map or list"),
        (("applications", "service", "tag", "deeper"), "not there"),
        (("applications", "listed", 4, "version"), "not there"),
    ],
    ids=["behind an alias", "a map", "below a scalar", "no such item"],
)
def test_what_cannot_be_edited_exactly_is_refused(path: tuple[str | int, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why) as refusal:
        set_values("values.yaml", FILE, {path: "new"})
    assert str(refusal.value).startswith("values.yaml: applications.")


MAPS = st.recursive(
    texts() | st.integers(0, 99) | st.booleans() | st.none(),
    lambda inner: st.dictionaries(texts(), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(texts(), MAPS, max_size=4), st.lists(texts(), min_size=1, max_size=3), texts())
def test_any_edit_sets_its_value_and_nothing_else(data: dict[str, Any], path: list[str], value: str) -> None:
    text = "# First.\n" + dump(data) + "# Last.\n" if data else "# First.\n# Last.\n"
    try:
        after = set_values("values.yaml", text, {tuple(path): value})
    except UsageError:
        assert leads_through_something_else(data, path)
        return
    assert parse_text("values.yaml", after).data == laid_over(data, path, value)
    assert after.startswith("# First.\n")
    assert "# Last.\n" in after


def laid_over(data: Any, path: list[str], value: str) -> Any:
    """What a person who sets `path` expects."""
    if not path:
        return value
    data = data if isinstance(data, dict) else {}
    return {**data, path[0]: laid_over(data.get(path[0]), path[1:], value)}


def leads_through_something_else(data: Any, path: list[str]) -> bool:
    """Whether `path` ends at a map or list, or goes on below what is no map."""
    for key in path:
        if not isinstance(data, dict):
            return True
        if key not in data:
            return False
        data = data[key]
    return isinstance(data, dict | list)
