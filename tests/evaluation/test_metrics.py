"""Ranking and calibration, held against examples worked by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from medpattern.evaluation.bootstrap import Bootstrap
from medpattern.evaluation.metrics import (
    auc,
    auc_change,
    auc_figure,
    brier,
    brier_figure,
    ece,
    ece_figure,
    reliability,
)
from tests.evaluation.tables import drawn

LABELS = np.array([False, False, True, True])
TABLE = drawn()
BOOTSTRAP = Bootstrap(TABLE.patients, 200)


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auc(LABELS, np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert auc(LABELS, np.array([0.1, 0.4, 0.4, 0.8])) == 0.875  # one pair alike counts half


def test_auc_of_one_class_is_not_defined() -> None:
    score = np.array([0.1, 0.9])
    for labels in (np.array([True, True]), np.array([False, False])):
        assert auc(labels, score) is None
        assert auc_figure(labels, score, Bootstrap("ab", 10)).low is None
    assert auc(np.array([], np.bool_), np.array([])) is None


def test_ece_is_the_weighted_distance_of_score_and_share() -> None:
    # Half of those at 0.1 have it: 0.4 away; all of those at 0.9: 0.1 away; two films each.
    assert ece(np.array([False, True, True, True]), np.array([0.1, 0.1, 0.9, 0.9])) == pytest.approx(0.25)


def test_a_calibrated_score_has_no_error_and_a_certain_one_lies_in_the_last_bin() -> None:
    assert ece(np.array([False, True, True, True]), np.array([0.75, 0.75, 0.75, 0.75])) == pytest.approx(0)
    assert ece(np.array([True, False]), np.array([1.0, 0.0])) == 0


def test_bins_are_as_wide_as_said() -> None:
    labels, score = np.array([False, True]), np.array([0.3, 0.45])

    assert ece(labels, score, bins=2) == pytest.approx(0.125)  # one bin: mean 0.375, share 0.5
    assert ece(labels, score, bins=10) == pytest.approx((0.3 + 0.55) / 2)


def test_reliability_counts_every_film_once() -> None:
    bins = reliability(TABLE.pneumonia, TABLE.score)

    assert sum(bin_.films for bin_ in bins) == len(TABLE)
    assert all(bin_.low <= bin_.mean_score <= bin_.high for bin_ in bins)
    error = sum(bin_.films * abs(bin_.share - bin_.mean_score) for bin_ in bins) / len(TABLE)
    assert error == pytest.approx(ece(TABLE.pneumonia, TABLE.score))


def test_figures_agree_with_scikit_learn_and_lie_in_their_intervals() -> None:
    sick, score = TABLE.pneumonia, TABLE.score
    area, squares = auc_figure(sick, score, BOOTSTRAP), brier_figure(sick, score, BOOTSTRAP)

    assert area.value == roc_auc_score(sick, score)
    assert squares.value == pytest.approx(brier_score_loss(sick, score))
    for figure in (area, squares):
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high


def test_ece_of_a_resample_is_the_ece_of_its_films() -> None:
    sick, score = TABLE.pneumonia, TABLE.score
    one = Bootstrap(TABLE.patients, 1, seed=8)
    times = one.sums(np.eye(len(TABLE)))[0].astype(int)

    found = ece_figure(sick, score, one)

    assert found.low == found.high == pytest.approx(ece(np.repeat(sick, times), np.repeat(score, times)))


def test_a_change_of_auc_is_paired() -> None:
    sick, score = TABLE.pneumonia, TABLE.score
    shifted = np.clip(score * 0.9 + 0.01, 0, 1)  # the same order: no change in any resample

    same = auc_change(sick, score, shifted, BOOTSTRAP)
    worse = auc_change(sick, score, 1 - score, BOOTSTRAP)

    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert worse.value == pytest.approx(1 - 2 * roc_auc_score(sick, score))
    assert worse.high is not None
    assert worse.high < 0
    assert auc_change(np.ones(2, np.bool_), score[:2], score[:2], Bootstrap("ab", 5)).value is None


def test_no_films_have_no_figures() -> None:
    nothing = Bootstrap([], 5)
    empty = np.array([])

    assert brier(empty.astype(np.bool_), empty) is None
    assert ece_figure(empty.astype(np.bool_), empty, nothing).value is None
    assert reliability(empty.astype(np.bool_), empty) == ()
