"""The card as a page: its figures are those of the evidence, missed aims are said, each time it is the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from medpattern.evaluation.cardpage import Model, Page, model_page
from medpattern.evaluation.evaluating import PREVALENCES, Resampling, chosen_points, set_figures
from medpattern.evaluation.evidence import Evidence
from medpattern.evaluation.film import DataError
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.tables import number, percent
from medpattern.pipeline.model import ModelCard, parse_card
from tests.evaluation.cardfiles import evidence_folder
from tests.pipeline.model.models import card_document

SHA256 = "5a" * 32
RESAMPLING = Resampling(200)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return parse_card(json.dumps(card_document()))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return Evidence.read(evidence_folder(tmp_path_factory.mktemp("evidence"), SHA256))


def written(card: ModelCard, evidence: Evidence) -> Page:
    return model_page(Model(card, SHA256, 1_900_000), evidence, "model/some/evidence", "model-card", RESAMPLING)


@pytest.fixture(scope="module")
def page(card: ModelCard, evidence: Evidence) -> Page:
    return written(card, evidence)


def section(page: Page, heading: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"(?ms)^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", page.text)
    assert found, f"there is no section {heading}"
    return found[1]


def cells(text: str, first: str) -> list[str]:
    """The other cells of the row that begins with `first`."""
    (row,) = re.findall(rf"(?m)^\| {re.escape(first)} \| (.*) \|$", text)
    return str(row).split(" | ")


def test_the_figures_are_those_that_evaluate_prints(page: Page, card: ModelCard, evidence: Evidence) -> None:
    expected = set_figures(evidence.validation.of("val"), card, chosen_points(card), RESAMPLING)

    row = cells(section(page, "Figures"), "validation")
    assert row[:3] == ["132", "68", "100"]
    assert row[3] == number(expected.auc)
    balanced = next(one for one in expected.points if one.point.name == "balanced")
    points = cells(section(page, "At the operating points, validation films").partition("pneumonia called")[0],
                   "balanced (default)")  # fmt: skip
    assert points[:2] == ["0.4", "0.6"]
    assert points[2:4] == [percent(balanced.sensitivity), percent(balanced.specificity)]


def test_confusion_holds_every_film_once(page: Page) -> None:
    text = section(page, "At the operating points, validation films").partition("pneumonia called")[2]

    for name in ("screening", "balanced (default)", "specific"):
        counts = [int(cell) for cell in cells(text, name)]
        assert (sum(counts[:3]), sum(counts[3:])) == (132, 68)


def test_kinds_of_pneumonia_and_prevalences_stand_apart(page: Page) -> None:
    kinds = section(page, "By kind of pneumonia, validation films")
    values = section(page, "Predictive values")

    assert (cells(kinds, "bacteria")[0], cells(kinds, "virus")[0]) == ("66", "66")
    assert (PREVALENCES[0], PREVALENCES[-1]) == (0.05, 0.75)
    assert "| 5 % have it | 10 % have it | 25 % have it | 50 % have it | 75 % have it |" in values


def test_missed_aims_are_said(page: Page) -> None:
    assert "17.0 [" in section(page, "The input gate")
    assert section(page, "The input gate").count("**missed**") == 2
    assert cells(section(page, "Known shortcuts"), "no lungs")[-1] == "**missed**"
    assert cells(section(page, "Known shortcuts"), "other background")[-1] == "met"
    assert cells(section(page, "Robustness"), "`rotated-left`")[-1] == "**missed**"
    assert cells(section(page, "Robustness"), "`16-bit`")[-1] == "met"


def test_families_held_out_stand_apart(page: Page) -> None:
    known, _, unknown = section(page, "The input gate").partition("Families held out:")

    assert cells(known, "hand")[:2] == ["40", "40"]
    assert cells(known, "photograph")[:2] == ["20", "2"]
    assert cells(unknown, "ultrasound")[:2] == ["50", "50"]


def test_a_bar_in_a_text_ends_no_cell(page: Page) -> None:
    assert r"the central part black \| blank" in section(page, "Known shortcuts")


def test_the_worst_films_are_named_with_their_outcome(page: Page, evidence: Evidence) -> None:
    rows = evidence.validation.of("val").rows
    worst = min((row for row in rows if row.pneumonia), key=lambda row: (row.score, row.name))
    text = section(page, "Failures")

    missed, _, alarms = text.partition("Normal with the highest")
    assert cells(missed, f"`{worst.name}`") == [worst.subtype, f"{worst.score:.4f}", f"{worst.gate:.4f}", "normal"]
    assert "| bacteria |" not in alarms.partition("Refused by the gate")[0]
    assert "Refused by the gate, 8 of 30:" in text


def test_attribution_modesty_and_what_it_is_not_for(page: Page) -> None:
    text = " ".join(page.text.split())

    assert "Kermany, Daniel; Zhang, Kang; Goldbaum, Michael (2018)" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text
    assert "Changes made:" in text
    assert "Nothing here was tested on another hospital" in text
    assert "were not available and were not used" in text
    assert "It must not be used:" in text


def test_every_table_has_the_command_that_makes_it(page: Page) -> None:
    for part in re.split(r"(?m)^#+ ", page.text)[2:]:
        if "| --- |" in part and not part.startswith("Failures"):
            assert "`medpattern model " in part, part.partition("\n")[0]


def test_every_picture_is_shown_with_words(page: Page) -> None:
    shown = dict(re.findall(r"!\[([^\]]+)\]\(model-card/([^)]+)\)", page.text))

    assert set(shown.values()) == {picture.name for picture in page.pictures} == {
        "roc.svg", "reliability.svg", "scores.svg",
    }  # fmt: skip
    assert all(picture.alt in shown for picture in page.pictures)


def test_the_same_evidence_gives_the_same_page(page: Page, card: ModelCard, evidence: Evidence) -> None:
    assert written(card, evidence) == page


def test_nothing_is_left_to_fill_in(page: Page) -> None:
    assert not re.search(r"\{\{|\}\}|\{%|None|nan\b", page.text)


def test_what_the_evidence_lacks_has_no_section(card: ModelCard, evidence: Evidence) -> None:
    bare = replace(
        evidence,
        validation=evidence.validation.of("val"),
        out_of_fold=evidence.out_of_fold.of("oof"),
        strangers=tuple(row for row in evidence.strangers if not row.held_out),
    )

    text = written(card, bare).text

    assert "## Burned-in text" not in text
    assert "Families held out" not in text
    assert "neither training nor threshold" not in text
    assert "shifted as other sites" not in text


def test_a_model_that_refuses_no_film_has_no_table_of_them(card: ModelCard, evidence: Evidence) -> None:
    rows = tuple(replace(row, gate=1.0) for row in evidence.validation.rows)

    text = written(card, replace(evidence, validation=ScoreTable(rows))).text

    assert "Refused by the gate" not in text


def test_evidence_of_another_file_is_refused(card: ModelCard, evidence: Evidence) -> None:
    with pytest.raises(DataError, match=f"in model/some/evidence is of the model with the sha256 {SHA256}, not of"):
        model_page(Model(card, "00" * 32, 1), evidence, "model/some/evidence", "model-card", RESAMPLING)


def test_a_model_without_a_gate_is_refused(card: ModelCard, evidence: Evidence) -> None:
    with pytest.raises(DataError, match="the model has no input gate"):
        written(replace(card, gate_threshold=None), evidence)
