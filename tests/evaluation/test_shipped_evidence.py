"""The evidence is of the file that ships, and holds what is asked of it: a worse file, or another one, fails here.

Where the films are (MEDPATTERN_XRAY, or ../shared/xray/train), some of them are scored again with the shipped file.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from medpattern.evaluation.evaluating import TEXT
from medpattern.evaluation.evidence import OUT_OF_FOLD, VALIDATION, Evidence
from medpattern.evaluation.filmfiles import as_png
from medpattern.evaluation.films import data_digest, load_films
from medpattern.evaluation.metrics import auc, ece
from medpattern.evaluation.operating import decide
from medpattern.evaluation.robustness import robustness_rows
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.scoring import score_films
from medpattern.evaluation.strangers import FAMILIES, strangers
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model import ModelCard, Predictor, shipped

ROOT = Path(__file__).parents[2]
FILMS = Path(os.environ.get("MEDPATTERN_XRAY", ROOT.parent / "shared" / "xray" / "train"))
# Scores that another processor may compute, by the card's promise.
ELSEWHERE = 0.01


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    ship = shipped()
    return Predictor.load(ship.path, ship.sha256)


@pytest.fixture(scope="module")
def card(predictor: Predictor) -> ModelCard:
    return predictor.card


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Evidence.read(shipped().path.parent / "evidence")


@pytest.fixture(scope="module")
def clean(evidence: Evidence) -> ScoreTable:
    return evidence.validation.of(VALIDATION)


def balanced(table: ScoreTable, card: ModelCard) -> tuple[float, float, float]:
    """Sensitivity, specificity and accuracy at the default operating point; refused films are wrong."""
    said = decide(table, card.operating_point(), card.gate_threshold)
    right = ~said.refused & (said.called == table.pneumonia)
    sick = table.pneumonia
    return float(right[sick].mean()), float(right[~sick].mean()), float(right.mean())


def refused(gate: np.ndarray, card: ModelCard) -> float:
    assert card.gate_threshold is not None
    return float((gate < card.gate_threshold).mean())


def test_it_is_of_the_very_file(evidence: Evidence, predictor: Predictor) -> None:
    assert evidence.training.sha256 == predictor.sha256


def test_validation_films_are_told_apart(clean: ScoreTable, card: ModelCard) -> None:
    assert (auc(clean.pneumonia, clean.score) or 0) >= 0.988
    assert (ece(clean.pneumonia, clean.score) or 1) <= 0.05
    sensitivity, specificity, accuracy = balanced(clean, card)
    assert (sensitivity >= 0.95, specificity >= 0.90, accuracy >= 0.93) == (True, True, True)


def test_thresholds_keep_their_sensitivity_out_of_the_fold(evidence: Evidence, card: ModelCard) -> None:
    """On films as they are and shifted; and no film of the validation split is among them."""
    sick = evidence.out_of_fold.score[evidence.out_of_fold.pneumonia]
    kept = {name: float((sick >= card.operating_point(name).low).mean()) for name in card.operating_points}
    assert kept["screening"] >= 0.99
    assert kept["balanced"] >= 0.95
    assert kept["specific"] >= 0.85
    assert not set(evidence.validation.of(VALIDATION).patients) & set(evidence.out_of_fold.of(OUT_OF_FOLD).patients)


def test_names_burned_in_change_next_to_nothing(evidence: Evidence, clean: ScoreTable, card: ModelCard) -> None:
    lettered = evidence.validation.of(VALIDATION + TEXT)
    plain, text = auc(clean.pneumonia, clean.score), auc(lettered.pneumonia, lettered.score)
    assert plain is not None
    assert text is not None
    assert abs(plain - text) < 0.003
    before, after = (decide(table, card.operating_point(), card.gate_threshold) for table in (clean, lettered))
    assert (before.outcomes != after.outcomes).mean() <= 0.01


def test_the_gate_takes_films_and_refuses_strangers(evidence: Evidence, card: ModelCard) -> None:
    assert refused(evidence.out_of_fold.of(OUT_OF_FOLD).gate, card) <= 0.02
    known = np.array([row.gate for row in evidence.strangers if not row.held_out])
    never_seen = np.array([row.gate for row in evidence.strangers if row.held_out])
    assert refused(known, card) >= 0.98
    # Families that neither training nor threshold knew; the card names the weakest.
    assert refused(never_seen, card) >= 0.90
    assert len({row.family for row in evidence.strangers if row.held_out}) >= 3


def test_films_that_come_otherwise_are_judged_alike(evidence: Evidence, card: ModelCard) -> None:
    missed = [row.shift.name for row in robustness_rows(evidence.robustness, card) if row.meets is False]
    assert missed == []


def test_it_looks_at_the_lungs_and_leans_on_no_shortcut(evidence: Evidence) -> None:
    # An even map would have 0.49 there; the aim of 0.80 is missed, as the card says.
    assert (evidence.explanation.central_share.low or 0) > 0.49
    assert [test.name for test in evidence.shortcuts.tests if test.meets is False] == []


def test_it_is_small_and_fast(evidence: Evidence) -> None:
    (candidate,) = (one for one in evidence.training.candidates if one.shipped)
    assert candidate.size < 12_000_000
    assert evidence.speed.latency.network_median < 15
    assert candidate.mean_difference < 0.01


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.kind != "film"])
def test_strangers_are_refused_again(family: str, predictor: Predictor) -> None:
    """The file itself is asked, with pictures that the evidence does not hold."""
    pictures = [stranger.pixels for stranger in strangers("evaluation", [family], 12, seed=77)]
    batch = np.concatenate([prepare(decode(as_png(pixels)), predictor.card.input) for pixels in pictures])
    gates = np.array([scores.gate for scores in predictor.score(batch)])
    assert refused(gates, predictor.card) >= 10 / 12


if "MEDPATTERN_XRAY" in os.environ or FILMS.is_dir():

    def test_the_file_gives_the_scores_of_the_evidence(predictor: Predictor, clean: ScoreTable) -> None:
        films = [film for film in load_films(FILMS) if film.split == "val" and not film.duplicate][::4]
        again = score_films(predictor, films, VALIDATION).table
        saved = {row.name: row for row in clean.rows}
        apart = [abs(row.score - saved[row.name].score) for row in again.rows]
        assert max(apart) <= ELSEWHERE

    def test_the_card_names_the_films_that_it_was_trained_on(card: ModelCard) -> None:
        films = [film for film in load_films(FILMS) if film.split == "train" and not film.duplicate]
        assert data_digest(films) == card.training_data_digest
