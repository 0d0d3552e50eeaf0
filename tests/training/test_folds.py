"""Folds: no patient on both sides, every film held out once, kinds of films evenly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from medpattern.evaluation.film import Film
from medpattern.training.folds import folds
from tests.evaluation.drawn import drawn_films

KINDS = ("normal", "bacteria", "virus")


def hospital(seed: int, patients: int = 150) -> list[Film]:
    """Films of patients with one to five each; normal, bacteria, virus as 2 to 2 to 1; in no order."""
    rng = np.random.default_rng(seed)
    template = drawn_films(1)[0]
    found = [
        replace(template, name=f"{kind}/{patient}-{number}", subtype=kind, pneumonia=kind != "normal",
                patient=f"patient-{patient}")
        for patient in range(patients)
        for kind in [KINDS[rng.choice(3, p=[0.4, 0.4, 0.2])]]
        for number in range(rng.integers(1, 6))
    ]  # fmt: skip
    return [found[place] for place in rng.permutation(len(found))]


@examples(max_examples=20)
@given(st.integers(0, 2**32), st.integers(2, 6), st.integers(0, 2**63))
def test_no_patient_is_on_both_sides_and_no_fold_is_empty(drawn: int, number: int, seed: int) -> None:
    films = hospital(drawn)

    held = folds(films, number, seed)

    assert len(held) == len(films)
    assert set(held) == set(range(number)), "one fold for each film, and a film in each fold"
    assert len({(film.patient, fold) for film, fold in zip(films, held, strict=True)}) == 150


@pytest.mark.parametrize("seed", [0, 1, 20180222])
def test_every_fold_has_its_share_of_each_kind(seed: int) -> None:
    films = hospital(3, 400)
    whole = Counter(film.subtype for film in films)

    held = folds(films, 5, seed)

    for fold in range(5):
        found = Counter(film.subtype for film, its in zip(films, held, strict=True) if its == fold)
        for kind in KINDS:
            assert found[kind] == pytest.approx(whole[kind] / 5, abs=5), "give or take the films of one patient"


def test_the_seed_alone_decides() -> None:
    films = hospital(4)

    assert (folds(films, 5, 7) == folds(films, 5, 7)).all()
    assert (folds(films, 5, 7) != folds(films, 5, 8)).any()
