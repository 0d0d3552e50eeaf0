"""Intervals by patient, held against cases whose intervals are known."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medpattern.evaluation.bootstrap import Bootstrap, Figure, exact_share, figure
from tests.evaluation.tables import drawn


def test_the_interval_of_a_share_is_the_normal_one_for_many_patients() -> None:
    hits = np.arange(400) % 10 < 3
    found = Bootstrap([str(number) for number in range(400)]).share(hits)
    half = 1.96 * sqrt(0.3 * 0.7 / 400)

    assert found.value == 0.3
    assert found.low == pytest.approx(0.3 - half, abs=0.006)
    assert found.high == pytest.approx(0.3 + half, abs=0.006)


def test_films_of_one_patient_count_as_one() -> None:
    hits = np.repeat(np.arange(100) % 10 < 3, 4)
    alone = Bootstrap([str(number) for number in range(400)]).share(hits)
    together = Bootstrap([str(number // 4) for number in range(400)]).share(hits)

    assert width(together) == pytest.approx(2 * width(alone), rel=0.12)  # a quarter of the patients: twice as wide
    assert width(together) == pytest.approx(2 * 1.96 * sqrt(0.3 * 0.7 / 100), rel=0.12)


def width(found: Figure) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_areas_are_those_of_scikit_learn_with_each_film_as_often_as_it_was_drawn() -> None:
    table = drawn(60)
    bootstrap = Bootstrap(table.patients, 130)  # more than one chunk

    areas = bootstrap.areas(table.pneumonia, table.score)

    times = bootstrap.sums(np.eye(len(table)))
    expected = [roc_auc_score(table.pneumonia, table.score, sample_weight=weights) for weights in times]
    assert areas == pytest.approx(expected)


def test_every_resample_draws_as_many_patients_as_there_are_and_whole_ones() -> None:
    patients = ["a", "a", "b", "c", "c", "c"]
    bootstrap = Bootstrap(patients, 50)

    times = bootstrap.sums(np.eye(6))

    assert (times[:, 0] == times[:, 1]).all()
    assert (times[:, 3] == times[:, 5]).all()
    assert (times[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert bootstrap.clusters == 3


def test_the_seed_decides() -> None:
    hits = np.arange(50) % 3 == 0
    patients = [str(number) for number in range(50)]

    assert Bootstrap(patients, 100, 1).share(hits) == Bootstrap(patients, 100, 1).share(hits)
    assert Bootstrap(patients, 100, 1).share(hits) != Bootstrap(patients, 100, 2).share(hits)


def test_a_share_of_none_or_all_has_the_exact_interval_of_its_patients() -> None:
    patients = [str(number // 2) for number in range(200)]
    none, every = (
        Bootstrap(patients, 20).share(np.zeros(200, np.bool_)),
        Bootstrap(patients, 20).share(np.ones(200, np.bool_)),
    )

    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert (every.value, every.high) == (1, 1)
    assert every.low == pytest.approx(0.025 ** (1 / 100))


def test_a_share_among_no_films_is_not_defined() -> None:
    assert Bootstrap("ab", 20).share(np.ones(2, np.bool_), np.zeros(2, np.bool_)) == Figure(None)
    assert exact_share(0, 0) == Figure(None)


def test_the_exact_interval_is_clopper_and_pearsons() -> None:
    found = exact_share(4, 20)  # a textbook's: 5.73 % to 43.66 %

    assert found.value == 0.2
    assert found.low == pytest.approx(0.0573, abs=5e-5)
    assert found.high == pytest.approx(0.4366, abs=5e-5)


def test_resamples_that_lack_a_class_are_left_out() -> None:
    bootstrap = Bootstrap("ab", 200)
    areas = bootstrap.areas(np.array([False, True]), np.array([0.1, 0.9]))

    assert np.isnan(areas).any()
    found = figure(1.0, areas)
    assert (found.low, found.high) == (1, 1)
    assert figure(0.5, np.array([np.nan])) == Figure(0.5)
