"""What the statistics of a film say, and that the index sees a change and no more."""

from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from medpattern.pipeline.model.card import Reference
from medpattern.pipeline.model.statistics import (
    LEAST_SHARE,
    OF_INPUT,
    bin_of,
    expected_shares,
    reference,
    stability_index,
    statistics,
)

HALVES = Reference((0.0, 1.0, 2.0), (0.5, 0.5))


def film(seed: int = 3, channels: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((1, channels, 24, 32), np.float32)


def test_an_even_picture_is_as_bright_as_its_grey_and_has_neither_contrast_nor_sharpness() -> None:
    assert statistics(np.full((1, 1, 8, 8), 0.25, np.float32)) == {"brightness": 0.25, "contrast": 0.0, "sharpness": 0}


def test_a_chess_board_is_as_sharp_as_a_picture_can_be() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2).astype(np.float32)[None, None]
    assert statistics(board) == pytest.approx({"brightness": 0.5, "contrast": 0.5, "sharpness": 4.0})


def test_a_ramp_has_contrast_but_is_not_sharp() -> None:
    ramp = np.tile(np.linspace(0, 1, 16, dtype=np.float32), (16, 1))[None, None]
    found = statistics(ramp)
    assert found["contrast"] > 0.25
    assert found["sharpness"] == pytest.approx(0, abs=1e-6)


def test_each_statistic_answers_to_its_own_change() -> None:
    plain = statistics(film())
    brighter, stronger = statistics(film() + np.float32(0.5)), statistics(film() * np.float32(2))
    assert brighter["brightness"] == pytest.approx(plain["brightness"] + 0.5)
    assert brighter["contrast"] == pytest.approx(plain["contrast"])
    assert brighter["sharpness"] == pytest.approx(plain["sharpness"], rel=1e-5)
    assert stronger["contrast"] == pytest.approx(2 * plain["contrast"])


def test_three_equal_channels_are_one() -> None:
    one = film()
    assert statistics(np.repeat(one, 3, axis=1)) == pytest.approx(dict(statistics(one)))


@pytest.mark.parametrize("shape", [(8, 8), (2, 1, 8, 8), (1, 1, 2, 8)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one image"):
        statistics(np.zeros(shape, np.float32))


def test_the_names_are_those_that_are_announced() -> None:
    assert tuple(statistics(film())) == OF_INPUT


def test_bins_of_a_reference_hold_about_as_many_each() -> None:
    found = reference(np.random.default_rng(1).normal(size=5000), bins=8)
    assert len(found.edges) == 9
    assert found.edges == tuple(sorted(set(found.edges)))
    assert found.shares == pytest.approx([1 / 8] * 8, abs=0.001)
    assert sum(found.shares) == pytest.approx(1)


def test_equal_values_make_fewer_bins_and_none_of_them_empty() -> None:
    found = reference([0.0] * 50 + [1.0] * 30 + [0.3, 0.6] * 10)
    assert min(found.shares) > 0
    assert len(found.edges) < 11
    assert sum(found.shares) == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [0.5], [0.5] * 20, [0.1, float("nan")]])
def test_values_that_make_no_reference_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"differ|no number"):
        reference(values)


def test_the_films_of_the_training_themselves_have_not_moved() -> None:
    values = np.random.default_rng(5).normal(size=3000)
    spread = reference(values)
    counts = np.bincount([bin_of(value, spread) for value in values], minlength=len(spread.shares))
    assert (counts / len(values)).tolist() == pytest.approx(spread.shares)
    assert stability_index(counts.tolist(), spread) < 0.001


@pytest.mark.parametrize(("value", "index"), [(-9, 0), (0, 0), (1, 0), (1.01, 1), (2, 1), (9, 1)])
def test_what_lies_outside_is_in_the_outermost_bin(value: float, index: int) -> None:
    assert bin_of(value, HALVES) == index


def test_the_index_is_the_symmetric_divergence() -> None:
    # 799.5 and 199.5 with their half images: 0.8 and 0.2 of 1000, against halves.
    counts = [799, 199]
    smoothed = [799.5 / 999, 199.5 / 999]
    by_hand = sum((share - 0.5) * log(share / 0.5) for share in smoothed)
    assert stability_index(counts, HALVES) == pytest.approx(by_hand)
    assert stability_index(counts, HALVES) == pytest.approx(0.3 * log(4), rel=0.02)


def test_the_index_stays_finite_for_empty_bins_and_for_an_empty_share() -> None:
    never = Reference((0.0, 1.0, 2.0), (1.0, 0.0))
    assert 0 < stability_index([0, 500], HALVES) < 10
    assert 0 < stability_index([0, 500], never) < 20
    assert min(expected_shares(never)) == pytest.approx(LEAST_SHARE, rel=0.01)
    assert sum(expected_shares(never)) == pytest.approx(1)


def test_chance_alone_does_not_reach_the_bound_and_a_standard_deviation_does() -> None:
    rng = np.random.default_rng(8)
    spread = reference(rng.normal(size=5000))

    def index(shift: float) -> float:
        bins = [bin_of(value, spread) for value in rng.normal(shift, size=200)]
        return stability_index(np.bincount(bins, minlength=10).tolist(), spread)

    assert max(index(0) for _ in range(200)) < 0.2
    assert min(index(1.0) for _ in range(50)) > 0.2


def test_counts_of_another_reference_are_refused() -> None:
    with pytest.raises(ValueError, match="3 counts for 2 bins"):
        stability_index([1, 2, 3], HALVES)
