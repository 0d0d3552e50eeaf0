"""Which model the service takes: one that answers all its test inputs as its card says, and none else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.model.assessment import AssessmentSettings
from medpattern.pipeline.model.card import ModelError
from medpattern.pipeline.model.shipped import shipped
from medpattern.pipeline.service.app import load_scorer
from medpattern.pipeline.service.settings import ModelSettings
from tests.pipeline.model import STAND_IN
from tests.pipeline.model.models import card_document, grey
from tests.pipeline.service.conftest import scorer_of

GREYS = tuple(20 + 25 * index for index in range(8))


def eight_tests() -> list[dict[str, Any]]:
    return [
        {"name": f"grey-{value}", "image": grey(value), "score": value / 255, "gate": value / 255, "tolerance": 0.01}
        for value in GREYS
    ]


def test_a_model_that_answers_its_eight_test_inputs_is_taken(tmp_path: Path) -> None:
    assert len(scorer_of(card_document(testInputs=eight_tests()), tmp_path).card.test_inputs) == 8


@pytest.mark.parametrize("what", ["score", "gate"])
@pytest.mark.parametrize("number", range(8))
def test_one_wrong_answer_of_eight_keeps_the_service_from_starting(tmp_path: Path, number: int, what: str) -> None:
    tests = eight_tests()
    tests[number][what] += 0.011
    with pytest.raises(ModelError, match=f"the {what} of test input 'grey-{GREYS[number]}'"):
        scorer_of(card_document(testInputs=tests), tmp_path)


def test_the_shipped_model_is_taken_with_its_pin_and_another_file_only_with_its_own() -> None:
    def settings(path: Path | None, sha256: str) -> ModelSettings:
        return ModelSettings(path, sha256, 1, AssessmentSettings(), Limits())

    assert load_scorer(settings(None, "")).model_sha256 == shipped().sha256
    with pytest.raises(ModelError, match="sha256"):
        load_scorer(settings(STAND_IN, "0" * 64))
    with pytest.raises(ModelError, match="no operating point"):
        load_scorer(ModelSettings(STAND_IN, "", 1, AssessmentSettings(operating_point="bold"), Limits()))
