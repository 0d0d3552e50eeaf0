"""From scores to normal, pneumonia or unsure."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.results import STATEMENT
from medpattern.pipeline.images import ImageFacts
from medpattern.pipeline.model import (
    Assessment,
    AssessmentSettings,
    ModelError,
    Scores,
    assess,
    corrected,
    parse_card,
)
from tests.pipeline.model.models import card_document

CARD = parse_card(json.dumps(card_document()))
FILM = ImageFacts("dicom", 100, 100, modality="DX", body_part="CHEST", view="AP", age_years=3.0)
PICTURE = ImageFacts("jpeg", 100, 100)


def assessed(score: float, gate: float | None = 0.9, facts: ImageFacts = FILM, **settings: Any) -> Assessment:
    return assess(Scores(score, gate), CARD, facts, AssessmentSettings(**settings))


@pytest.mark.parametrize(
    ("score", "outcome", "reason"),
    [
        (0.0, "normal", ""),
        (0.3999, "normal", ""),
        (0.4, "unsure", "between-thresholds"),
        (0.5999, "unsure", "between-thresholds"),
        (0.6, "pneumonia", ""),
        (1.0, "pneumonia", ""),
    ],
)
def test_the_band(score: float, outcome: str, reason: str) -> None:
    found = assessed(score)
    assert (found.outcome, found.reason, found.operating_point) == (outcome, reason, "balanced")


@pytest.mark.parametrize(("score", "outcome"), [(0.6999, "normal"), (0.7, "pneumonia")])
def test_a_band_without_width_leaves_nobody_unsure(score: float, outcome: str) -> None:
    assert assessed(score, operating_point="specific").outcome == outcome


def test_an_operating_point_that_the_card_lacks_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="daring"):
        assessed(0.5, operating_point="daring")


def test_the_gate_goes_before_everything_and_leaves_no_risk() -> None:
    found = assessed(0.99, gate=0.49, facts=replace(FILM, age_years=40.0))
    assert (found.outcome, found.reason, found.risk) == ("unsure", "not-a-frontal-chest-film", None)
    assert found.explanation == "not a frontal chest film"
    assert assessed(0.99, gate=0.5).outcome == "pneumonia"
    assert assessed(0.99, gate=None).outcome == "pneumonia"


@pytest.mark.parametrize(
    ("change", "attribute"),
    [
        ({"modality": "CT"}, "modality"),
        ({"body_part": "HAND"}, "body-part"),
        ({"view": "LL"}, "view"),
        ({"age_years": 0.99}, "age"),
        ({"age_years": 6.0}, "age"),
        ({"view": "LL", "age_years": 40.0}, "view"),
    ],
)
def test_outside_the_intended_use(change: dict[str, Any], attribute: str) -> None:
    found = assessed(0.99, facts=replace(FILM, **change))
    assert (found.outcome, found.reason) == ("unsure", f"outside-intended-use-{attribute}")
    assert found.explanation == f"outside intended use: {attribute.replace('-', ' ')}"


@pytest.mark.parametrize("age", [1.0, 5.0, 5.99])
def test_an_age_lasts_until_the_next_birthday(age: float) -> None:
    assert assessed(0.99, facts=replace(FILM, age_years=age)).outcome == "pneumonia"


def test_what_is_unknown_counts_only_where_it_is_demanded() -> None:
    assert assessed(0.99, facts=PICTURE).outcome == "pneumonia"
    found = assessed(0.99, facts=PICTURE, demanded=frozenset({"age"}))
    assert (found.outcome, found.reason) == ("unsure", "outside-intended-use-age-unknown")
    assert found.explanation == "outside intended use: age unknown"
    assert assessed(0.99, demanded=frozenset({"age", "view", "modality", "body-part"})).outcome == "pneumonia"


def test_a_card_that_limits_nothing_limits_nothing() -> None:
    card = parse_card(json.dumps(card_document(intendedUse={})))
    assert assess(Scores(0.99, 0.9), card, replace(FILM, age_years=40.0, view="LL")).outcome == "pneumonia"


@pytest.mark.parametrize("settings", [{"prevalence": 0}, {"prevalence": 1}, {"demanded": frozenset({"weight"})}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"prevalence|attributes"):
        AssessmentSettings(**settings)


def test_the_prior_correction_agrees_with_counting() -> None:
    """Of 1000 trained on (500 sick) a test flags 400 sick and 100 well: 0.8. At 5 % prevalence: 40 and 190."""
    assert corrected(0.8, 0.5, 0.05) == pytest.approx(40 / (40 + 190))
    assert corrected(0.8, 0.5, None) == 0.8
    assert corrected(0.8, 0.3, 0.3) == pytest.approx(0.8)


def test_the_prevalence_moves_the_risk_and_not_the_outcome() -> None:
    rare = assessed(0.65, prevalence=0.02)
    assert rare.outcome == "pneumonia"
    assert rare.risk is not None
    assert rare.risk < 0.1
    assert rare.score == 0.65


SHARES = st.floats(0, 1)


@given(SHARES, st.none() | SHARES, st.none() | st.floats(1e-9, 1 - 1e-9))
def test_the_risk_is_never_anything_but_a_probability(
    score: float, gate: float | None, prevalence: float | None
) -> None:
    found = assessed(score, gate=gate, prevalence=prevalence)
    if found.reason == "not-a-frontal-chest-film":
        assert found.risk is None
    else:
        assert found.risk is not None
        assert math.isfinite(found.risk)
        assert 0 <= found.risk <= 1


@given(SHARES, SHARES, st.floats(0.001, 0.999))
def test_a_higher_score_never_shows_a_lower_risk(one: float, other: float, prevalence: float) -> None:
    low, high = sorted((one, other))
    assert corrected(low, 0.5, prevalence) <= corrected(high, 0.5, prevalence)


def test_every_assessment_names_the_model_and_its_limits() -> None:
    found = assessed(0.5)
    assert (found.model_name, found.model_version, found.stand_in) == ("tiny", "1.2.0", False)
    assert found.status == STATEMENT == "preliminary, not for diagnosis"
