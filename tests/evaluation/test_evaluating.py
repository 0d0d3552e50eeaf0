"""Figures of a whole set, its subgroups, and what an alteration changes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from medpattern.errors import UsageError
from medpattern.evaluation.bootstrap import Figure
from medpattern.evaluation.documents import set_document
from medpattern.evaluation.evaluating import PREVALENCES, Resampling, change, chosen_points, set_figures, text_changes
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.tables import number, percent, set_lines
from medpattern.pipeline.model import ModelError, parse_card
from tests.evaluation.tables import drawn, row
from tests.pipeline.model.models import card_document

CARD = parse_card(json.dumps(card_document()))
POINTS = chosen_points(CARD)
FEW = Resampling(100)
TABLE = drawn()


def test_points_come_from_the_most_sensitive_on() -> None:
    assert [point.name for point in POINTS] == ["screening", "balanced", "specific"]
    assert [point.name for point in chosen_points(CARD, "specific")] == ["specific"]
    with pytest.raises(ModelError, match="no operating point 'loud'; it has balanced, screening, specific"):
        chosen_points(CARD, "loud")


def test_a_set_has_all_its_figures() -> None:
    found = set_figures(TABLE, CARD, POINTS, FEW)

    assert (found.name, found.films, found.patients) == ("val", 200, 100)
    assert found.pneumonia == int(TABLE.pneumonia.sum())
    assert found.auc.value == roc_auc_score(TABLE.pneumonia, TABLE.score)
    assert found.refused.value == (TABLE.gate < 0.5).mean()
    assert [point.point.name for point in found.points] == ["screening", "balanced", "specific"]
    sensitivities = [point.sensitivity.value or 0 for point in found.points]
    assert sensitivities == sorted(sensitivities, reverse=True)
    assert [values.prevalence for values in found.predictive["balanced"]] == list(PREVALENCES)


def test_a_subgroup_is_held_against_all_normal_films() -> None:
    found = {group.name: group for group in set_figures(TABLE, CARD, POINTS, FEW).subgroups}

    assert list(found) == ["bacteria", "virus"]
    part = ScoreTable(tuple(row for row in TABLE.rows if row.subtype in ("virus", "normal")))
    assert found["virus"].auc.value == roc_auc_score(part.pneumonia, part.score)
    assert found["virus"].films == int(part.pneumonia.sum())
    kept = [row for row in part.rows if row.pneumonia]
    right = [row for row in kept if row.score >= 0.4 and (row.gate or 0) >= 0.5]
    assert found["virus"].sensitivity["balanced"].value == pytest.approx(len(right) / len(kept))


def test_the_same_seed_gives_the_same_figures_and_another_other_intervals() -> None:
    first, again = (set_figures(TABLE, CARD, POINTS, FEW) for _ in range(2))
    other = set_figures(TABLE, CARD, POINTS, Resampling(100, seed=1))

    assert first == again
    assert first.auc.value == other.auc.value
    assert first.auc != other.auc


def test_one_set_at_a_time() -> None:
    both = TABLE + drawn(set_name="test")

    with pytest.raises(UsageError, match="one set at a time, not of 2"):
        set_figures(both, CARD, POINTS, FEW)
    with pytest.raises(UsageError, match="not of 0"):
        set_figures(ScoreTable(()), CARD, POINTS, FEW)


BEFORE = (
    row("a", "virus", 0.9), row("b", "virus", 0.5), row("c", "normal", 0.2), row("d", "normal", 0.3),
)  # fmt: skip


def altered(**scores: float) -> ScoreTable:
    """`BEFORE`, and the same films with other scores as the set with text, in another order."""
    after = [replace(item, set="val+text", score=scores.get(item.name, item.score)) for item in reversed(BEFORE)]
    return ScoreTable((*BEFORE, *after))


def test_what_text_changes_is_counted_film_by_film() -> None:
    # b goes from unsure to pneumonia at `balanced`, from normal to it at `specific`; c becomes unsure at `screening`.
    (found,) = text_changes(altered(b=0.7, c=0.15), CARD, POINTS, FEW)

    assert (found.before, found.after) == ("val", "val+text")
    assert found.outcomes["balanced"].value == 0.25
    assert found.outcomes["screening"].value == 0.25
    assert found.outcomes["specific"].value == 0.25
    assert found.auc.value == 0

    (worse,) = text_changes(altered(c=0.6), CARD, POINTS, FEW)
    assert worse.auc.value == pytest.approx(-0.25)


def test_a_film_that_text_makes_the_gate_refuse_has_changed() -> None:
    refused = ScoreTable((*BEFORE, *(replace(item, set="val+text", gate=0.1) for item in BEFORE)))

    (found,) = text_changes(refused, CARD, POINTS, FEW)

    assert found.outcomes["balanced"].value == 0.75, "all but b, which was unsure before"


def test_sets_of_other_films_are_not_compared() -> None:
    both = altered()
    with pytest.raises(UsageError, match="not of the same films"):
        change(both.of("val"), ScoreTable(both.of("val+text").rows[:3]), CARD, POINTS, FEW)
    assert text_changes(both.of("val"), CARD, POINTS, FEW) == ()


def test_the_table_shows_what_the_document_holds() -> None:
    found = set_figures(TABLE, CARD, POINTS, FEW)
    text, document = "\n".join(set_lines(found, "balanced")), set_document(found)

    assert "200 films of 100 patients" in text
    balanced = document["operatingPoints"]["balanced"]
    for name in ("sensitivity", "specificity", "accuracy", "unsure"):
        assert percent(Figure(**balanced[name])) in text
    assert number(Figure(**document["auc"])) in text
    assert sum(balanced["confusion"].values()) == document["films"] == 200
    (line,) = [line for line in text.splitlines() if line.startswith("balanced (default)")]
    assert line.split()[2:4] == ["0.4", "0.6"]


def test_a_figure_that_nothing_defines_is_a_dash() -> None:
    only_normal = set_figures(ScoreTable(BEFORE[2:]), CARD, POINTS, FEW)

    lines = list(set_lines(only_normal, "balanced"))
    assert "AUC               -" in lines
    assert only_normal.subgroups == ()
    assert set_document(only_normal)["auc"]["value"] is None
