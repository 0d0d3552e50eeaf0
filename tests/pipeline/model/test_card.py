"""The card in a model's metadata: read whole, or refused with every fault named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.model import IntendedUse, ModelCard, ModelError, OperatingPoint, parse_card
from tests.pipeline.model.models import card_document


def parsed(**changes: Any) -> ModelCard:
    return parse_card(json.dumps(card_document(**changes)))


def test_a_card_is_read_whole() -> None:
    card = parsed()
    assert (card.name, card.version, card.stand_in) == ("tiny", "1.2.0", False)
    assert (card.input.height, card.input.width, card.input.crop, card.input.resize) == (16, 24, 0.1, "bilinear")
    assert card.operating_point() == OperatingPoint("balanced", 0.4, 0.6)
    assert card.operating_point("specific") == OperatingPoint("specific", 0.7, 0.7)
    assert card.gate_threshold == 0.5
    assert card.intended_use == IntendedUse(("CR", "DX"), ("CHEST",), ("AP", "PA"), (1.0, 5.0))
    assert card.reference["score"].edges == (0.0, 0.5, 1.0)


def test_an_unknown_operating_point_names_those_there_are() -> None:
    with pytest.raises(ModelError, match="balanced, screening, specific"):
        parsed().operating_point("daring")


def test_optional_parts_may_be_missing() -> None:
    document = card_document(outputs={"score": "score"}, intendedUse={}, trainingDataDigest=None)
    del document["gate"], document["reference"], document["calibration"]
    card = parse_card(json.dumps(document))
    assert (card.outputs.gate, card.gate_threshold, dict(card.reference)) == (None, None, {})
    assert card.intended_use == IntendedUse()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"operatingPoints": {**card_document()["operatingPoints"], "balanced": {"low": 0.6, "high": 0.4}}},
            "balanced",
        ),
        (
            {"operatingPoints": {**card_document()["operatingPoints"], "specific": {"low": 0.6, "high": 1.4}}},
            "specific",
        ),
        ({"operatingPoints": {"balanced": {"low": 0.6, "high": 0.7}}}, "screening"),
        ({"defaultOperatingPoint": "daring"}, "daring"),
        ({"trainingPrevalence": 1}, "trainingPrevalence"),
        ({"outputs": {"score": "score"}}, "gate"),
        ({"gate": {"threshold": 2}}, "gate.threshold"),
        ({"schema": "medpattern.io/model-card/9"}, "schema"),
        ({"standIn": "no"}, "standIn"),
        ({"testInputs": []}, "testInputs"),
        ({"testInputs": [{"name": "a", "image": "!" * 20, "score": 0.5, "tolerance": 0.01}]}, "base64"),
        ({"intendedUse": {"modalities": ["chest x-ray"]}}, "modalities"),
        ({"intendedUse": {"ageYears": [1]}}, "ageYears"),
        ({"trainingDataDigest": "md5:12"}, "trainingDataDigest"),
        ({"reference": {"score": {"edges": [0, 1], "shares": [0.5, 0.5]}}}, "reference.score"),
        ({"reference": {"gate": {"edges": [0, 0.5, 0.5], "shares": [0.5, 0.5]}}}, "reference.gate: edges must rise"),
        ({"reference": {"gate": {"edges": [0, 0.5, 1], "shares": [0.5, 0.4]}}}, "reference.gate: shares must be 1"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        parsed(**changes)


def test_the_scaling_has_a_number_for_each_channel() -> None:
    document = card_document()
    document["input"]["channels"] = 3
    with pytest.raises(ModelError, match=r"scaling\.mean.*scaling\.std"):
        parse_card(json.dumps(document))


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ModelError) as fault:
        parsed(version="", standIn=3, codeRevision="")
    assert all(name in str(fault.value) for name in ("version", "standIn", "codeRevision"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '"card"', "\0"])
def test_what_is_no_card_is_a_model_error(text: str) -> None:
    with pytest.raises(ModelError, match="card"):
        parse_card(text)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), st.lists, max_leaves=4)


@given(st.sampled_from(sorted(card_document())), JSON)
def test_any_other_value_is_a_card_or_a_model_error(key: str, value: Any) -> None:
    document = copy.deepcopy(card_document())
    document[key] = value
    try:
        card = parse_card(json.dumps(document))
    except ModelError:
        return
    assert card.operating_point().low <= card.operating_point().high
