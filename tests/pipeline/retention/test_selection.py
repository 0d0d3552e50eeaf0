"""Ages of classes from the environment, and the purges that they make."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.errors import UsageError
from medpattern.pipeline.clock import now
from medpattern.pipeline.retention.selection import ALL, DataClass, read_retention, retention_selections
from medpattern.pipeline.settings import Environment


def test_nothing_is_purged_unless_an_age_is_set() -> None:
    days = read_retention(Environment({}))
    assert set(days) == set(DataClass)
    assert retention_selections(days, now()) == []


def test_each_class_has_its_own_age() -> None:
    env = Environment({"MEDPATTERN_RETENTION_SOURCE_DAYS": "30", "MEDPATTERN_RETENTION_DEAD_LETTERS_DAYS": "90"})
    moment = now()
    first, second = retention_selections(read_retention(env), moment)
    assert (first.classes, first.before) == (frozenset({DataClass.DEAD_LETTERS}), moment - timedelta(days=90))
    assert (second.classes, second.before) == (frozenset({DataClass.SOURCE}), moment - timedelta(days=30))


@given(st.fixed_dictionaries({kind: st.integers(0, 5) for kind in DataClass}))
def test_every_class_with_an_age_is_purged_once_at_that_age(days: dict[DataClass, int]) -> None:
    moment = now()
    found = [
        (kind, moment - selection.before)
        for selection in retention_selections(days, moment)
        for kind in selection.classes
        if selection.before
    ]
    assert sorted(found) == sorted((kind, timedelta(days=age)) for kind, age in days.items() if age)


@pytest.mark.parametrize("text", ["-1", "soon", "1.5"])
def test_age_that_is_none_is_refused(text: str) -> None:
    env = Environment({"MEDPATTERN_RETENTION_RESULTS_DAYS": text})
    read_retention(env)
    with pytest.raises(UsageError, match="MEDPATTERN_RETENTION_RESULTS_DAYS"):
        env.check()


def test_classes_together_are_all() -> None:
    assert set(ALL) == set(DataClass)
