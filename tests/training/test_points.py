"""Calibration and thresholds: what they promise holds on the films that they were made from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.evaluation.metrics import auc, ece
from medpattern.training.points import Calibration, aligned, calibrated, gate_threshold, operating_points
from medpattern.training.settings import PointSettings

scores = st.lists(st.floats(0, 1), min_size=1, max_size=300).map(np.array)
sensitivities = st.tuples(st.floats(0.5, 1), st.floats(0.5, 1)).map(lambda pair: (max(pair), min(pair)))
point_settings = st.builds(PointSettings, screening=sensitivities, balanced=sensitivities, specific=sensitivities)


def labelled(sick: np.ndarray, well: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([sick, well]), np.arange(len(sick) + len(well)) < len(sick)


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


@given(sick=scores, well=scores, settings=point_settings)
def test_every_point_keeps_the_sensitivity_it_promises(
    sick: np.ndarray, well: np.ndarray, settings: PointSettings
) -> None:
    found = operating_points(*labelled(sick, well), settings)

    assert set(found) == {"screening", "balanced", "specific"}
    for name, point in found.items():
        low, high = getattr(settings, name)
        assert 0 <= point["low"] <= point["high"] <= 1
        assert (sick >= point["low"]).mean() >= low
        assert (sick >= point["high"]).mean() >= high


@given(sick=scores, settings=point_settings)
def test_no_threshold_lies_lower_than_it_must(sick: np.ndarray, settings: PointSettings) -> None:
    """But for one film, and for what the card rounds off, no higher one would keep the sensitivity."""
    found = operating_points(*labelled(sick, sick), settings)

    ordered = np.sort(sick)
    for name, point in found.items():
        for threshold, sensitivity in zip(point.values(), getattr(settings, name), strict=True):
            given_away = int(np.floor(len(sick) * (1 - sensitivity)))
            assert threshold > ordered[max(0, given_away - 1)] - 1.01e-4


@given(sick=scores, well=scores, other=scores)
def test_clear_films_do_not_move_thresholds(sick: np.ndarray, well: np.ndarray, other: np.ndarray) -> None:
    settings = PointSettings()

    assert operating_points(*labelled(sick, well), settings) == operating_points(*labelled(sick, other), settings)


def test_thresholds_stand_as_the_card_prints_them() -> None:
    sick = np.random.default_rng(0).beta(5, 1, 4000)

    found = operating_points(*labelled(sick, 1 - sick), PointSettings())

    assert all(f"{value:.4f}" == f"{value:.9f}"[:6] for point in found.values() for value in point.values())
    assert found["screening"]["low"] < found["balanced"]["low"] < found["specific"]["low"]


logit = st.floats(-30, 30, width=32)


@given(st.lists(logit, min_size=2, max_size=50), st.floats(0.01, 5), st.floats(-5, 5))
def test_a_higher_logit_never_has_a_lower_score(found: list[float], slope: float, offset: float) -> None:
    score = Calibration(slope, offset)(np.sort(np.array(found, np.float32)))

    assert (np.diff(score) >= 0).all()
    assert ((score >= 0) & (score <= 1)).all()


@pytest.mark.parametrize(("slope", "offset"), [(3.0, 1.5), (0.3, -1.0), (1.0, 2.0)])
def test_a_miscalibrated_network_is_put_right(slope: float, offset: float) -> None:
    """Films whose probability is known, and a network that exaggerates, plays down, or leans to one side."""
    rng = np.random.default_rng(1)
    true = rng.normal(0, 2, 6000)
    sick = rng.random(6000) < sigmoid(true)
    said = (slope * true + offset).astype(np.float32)

    calibration = calibrated(said, sick)

    before, after = ece(sick, sigmoid(said.astype(float))), ece(sick, calibration(said))
    assert before is not None
    assert after is not None
    assert after < min(0.03, before / 2)
    assert auc(sick, calibration(said)) == pytest.approx(auc(sick, said.astype(float))), "the ranking stays"


def test_both_classes_count_alike() -> None:
    """A set with three times as many films of pneumonia is calibrated as one with as many of each."""
    rng = np.random.default_rng(2)
    sick, well = rng.normal(1, 1, 3000).astype(np.float32), rng.normal(-1, 1, 3000).astype(np.float32)

    even = calibrated(*labelled(sick, well))
    uneven = calibrated(*labelled(np.tile(sick, 3), well))

    assert uneven.slope == pytest.approx(even.slope, rel=0.01)
    assert uneven.offset == pytest.approx(even.offset, abs=0.01)


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=400).map(lambda found: np.array(found, np.float32)),
    st.floats(0, 0.2),
)
def test_the_gate_refuses_at_most_its_share(said: np.ndarray, most: float) -> None:
    threshold = gate_threshold(said, most)

    assert 0 <= threshold <= 1
    assert (sigmoid(said.astype(float)) < threshold).mean() <= most


def test_the_gate_refuses_nearly_its_share() -> None:
    """A threshold of 0 would keep the promise too, and refuse no stranger."""
    said = np.random.default_rng(3).normal(1, 1, 10_000).astype(np.float32)

    refused = (sigmoid(said.astype(float)) < gate_threshold(said, 0.01)).mean()

    assert 0.009 < refused <= 0.01


def test_a_quieter_network_is_given_the_spread_of_the_others() -> None:
    """Its share of films above a threshold on theirs is then theirs."""
    rng = np.random.default_rng(3)
    others = np.concatenate([rng.normal(-4, 1.5, 400), rng.normal(5, 2, 1200)])
    quieter = (rng.permutation(others) * 0.4 - 0.3).astype(np.float32)
    made = aligned(quieter, others)
    for threshold in (0.05, 0.5, 0.9):
        theirs = (1 / (1 + np.exp(-others)) >= threshold).mean()
        assert (made(quieter) >= threshold).mean() == pytest.approx(theirs, abs=0.01)
