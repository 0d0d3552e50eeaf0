"""How many strangers the gate refuses, by family and together."""

from __future__ import annotations

import pytest

from medpattern.evaluation.evaluating import Resampling
from medpattern.evaluation.evidence import StrangerScore
from medpattern.evaluation.gating import refusals
from tests.evaluation.cardfiles import strangers

RESAMPLING = Resampling(200)


def test_a_picture_below_the_threshold_is_refused() -> None:
    rows = [
        StrangerScore("hand", False, "evaluation", f"drawn {n}", gate) for n, gate in enumerate((0.1, 0.49, 0.5, 0.9))
    ]

    found = refusals(rows, 0.5, RESAMPLING, held_out=False)

    assert found is not None
    assert found.families[0].refused.value == 0.5


def test_pictures_of_the_training_do_not_count_and_held_out_families_stand_apart() -> None:
    known, unknown = (refusals(strangers(), 0.5, RESAMPLING, held_out=held_out) for held_out in (False, True))

    assert known is not None
    assert unknown is not None
    assert [(row.name, row.pictures) for row in known.families] == [("hand", 40), ("photograph", 20)]
    assert [(row.name, row.pictures) for row in unknown.families] == [("ultrasound", 50)]
    assert known.together.refused.value == pytest.approx(50 / 60)
    assert unknown.together.refused.value == pytest.approx(49 / 50)


def test_pictures_of_one_photograph_are_drawn_together() -> None:
    known = refusals(strangers(), 0.5, RESAMPLING, held_out=False)

    assert known is not None
    photographs = known.families[1]
    assert (photographs.pictures, photographs.sources) == (20, 2)
    assert (photographs.refused.low, photographs.refused.high) == (0, 1), "one of two photographs tells little"


def test_drawn_pictures_of_two_families_are_two_sources_and_a_film_of_two_is_one() -> None:
    rows = [
        StrangerScore(family, False, "evaluation", source, 0.1)
        for family in ("hand", "foot")
        for source in ("drawn 1", "film 7")
    ]

    found = refusals(rows, 0.5, RESAMPLING, held_out=False)

    assert found is not None
    assert found.together.sources == 3


def test_without_pictures_there_is_nothing_to_say() -> None:
    assert refusals([], 0.5, RESAMPLING, held_out=True) is None
