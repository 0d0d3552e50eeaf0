"""Decisions at an operating point: worked by hand, and the same as the service's own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from medpattern.evaluation.bootstrap import Bootstrap
from medpattern.evaluation.operating import PointFigures, decide, point_figures, predictive_values
from medpattern.evaluation.scores import ScoreTable
from medpattern.pipeline.events.results import Outcome
from medpattern.pipeline.images import ImageFacts
from medpattern.pipeline.model import AssessmentSettings, OperatingPoint, Scores, assess, parse_card
from tests.evaluation.tables import drawn, row
from tests.pipeline.model.models import card_document

CARD = parse_card(json.dumps(card_document()))
POINT = OperatingPoint("balanced", 0.4, 0.6)
BY_HAND = ScoreTable((
    row("found", "bacteria", 0.9),
    row("unsure and so seen", "bacteria", 0.4),
    row("missed", "virus", 0.39),
    row("refused though found", "virus", 0.9, 0.2),
    row("cleared", "normal", 0.1),
    row("cleared too", "normal", 0.2, 0.5),  # at the threshold: not refused
    row("unsure and so called", "normal", 0.59),
    row("called", "normal", 0.6),
    row("refused though cleared", "normal", 0.1, 0.499),
    row("refused though called", "normal", 0.8, 0.1),
))  # fmt: skip


def figures(table: ScoreTable, point: OperatingPoint = POINT, threshold: float | None = 0.5) -> PointFigures:
    return point_figures(table, point, threshold, Bootstrap(table.patients, 50))


def test_figures_worked_by_hand() -> None:
    found = figures(BY_HAND)

    confusion = found.confusion
    assert (confusion.true_positive, confusion.false_negative, confusion.refused_pneumonia) == (2, 1, 1)
    assert (confusion.true_negative, confusion.false_positive, confusion.refused_normal) == (2, 2, 2)
    assert found.sensitivity.value == 2 / 4
    assert found.specificity.value == 2 / 6
    assert found.accuracy.value == 4 / 10
    assert found.unsure.value == 2 / 10


def test_without_a_gate_nothing_is_refused() -> None:
    ungated = ScoreTable(tuple(row(item.name, item.subtype, item.score, None) for item in BY_HAND.rows))

    for found in (figures(BY_HAND, threshold=None), figures(ungated)):
        assert found.confusion.refused_pneumonia == found.confusion.refused_normal == 0
        assert found.sensitivity.value == 3 / 4
        assert found.specificity.value == 3 / 6


def test_figures_agree_with_scikit_learn() -> None:
    table = drawn()
    found = figures(table, threshold=None)
    said = table.score >= POINT.low

    matrix = confusion_matrix(table.pneumonia, said).tolist()
    confusion = found.confusion
    assert matrix == [
        [confusion.true_negative, confusion.false_positive], [confusion.false_negative, confusion.true_positive],
    ]  # fmt: skip
    assert found.sensitivity.value == pytest.approx(recall_score(table.pneumonia, said))
    assert found.specificity.value == pytest.approx(recall_score(table.pneumonia, said, pos_label=False))
    assert found.accuracy.value == pytest.approx(accuracy_score(table.pneumonia, said))


def test_refusing_a_film_betters_no_figure() -> None:
    table = drawn()
    figures_by_threshold = [figures(table, threshold=threshold) for threshold in (0.0, 0.5, 0.7, 0.9, 1.0)]

    for name in ("sensitivity", "specificity", "accuracy"):
        values = [getattr(found, name).value for found in figures_by_threshold]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[-1]


SCORES = st.floats(0, 1)


@given(SCORES, st.none() | SCORES, st.tuples(SCORES, SCORES).map(sorted), SCORES)
def test_outcomes_are_those_of_the_service(
    score: float, gate: float | None, band: list[float], threshold: float
) -> None:
    point = OperatingPoint("balanced", *band)
    card = replace(CARD, operating_points={"balanced": point}, gate_threshold=threshold)
    service = assess(Scores(score, gate), card, ImageFacts("png", 10, 10), AssessmentSettings())

    found = decide(ScoreTable((row("a", "virus", score, gate),)), point, threshold)

    assert Outcome(found.outcomes[0]) is service.outcome
    assert bool(found.refused[0]) == (service.reason == "not-a-frontal-chest-film")


def test_predictive_values_follow_from_bayes_theorem() -> None:
    # Nine of ten found, nine of ten cleared, one in ten has it: every second call is right.
    rows = [row(f"sick {number}", "virus", 0.9 if number else 0.1) for number in range(10)]
    rows += [row(f"well {number}", "normal", 0.1 if number else 0.9) for number in range(10)]
    found = figures(ScoreTable(tuple(rows)))

    values = predictive_values(found, 0.1)
    assert values.positive == pytest.approx(0.5)
    assert values.negative == pytest.approx(0.81 / 0.82)
    assert predictive_values(found, 0.5).positive == pytest.approx(0.9)


def test_predictive_values_that_nothing_defines_are_none() -> None:
    only_sick = figures(ScoreTable((row("a", "virus", 0.9),)))
    assert predictive_values(only_sick, 0.1).positive is None
    never_called = figures(ScoreTable((row("a", "virus", 0.1), row("b", "normal", 0.1))))
    assert predictive_values(never_called, 0.1).positive is None
    assert predictive_values(never_called, 0.1).negative == pytest.approx(0.9)


def test_a_band_without_width_leaves_nothing_unsure() -> None:
    said = decide(BY_HAND, OperatingPoint("sharp", 0.6, 0.6), 0.5)

    assert not said.unsure.any()
    assert said.outcomes.tolist().count("unsure") == 3, "what the gate refuses is unsure all the same"
    assert np.array_equal(said.called, (BY_HAND.score >= 0.6) & ~said.refused)
