"""Readers' verdicts as labels: which count, what they mean, and that nobody can be told from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from medpattern.evaluation.reviews import Reviews, read_reviews
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.verdicts import add_verdict
from medpattern.pipeline.events.results import Outcome, Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from tests.pipeline.database.test_accounting import score
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, result_of


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'results.sqlite'}")
    migrate(made)
    yield made
    made.dispose()


def reviewed(engine: Engine, name: str, *opinions: tuple[str, Opinion], model: str = MODEL, **changes: Any) -> Result:
    """A result for the image `name`, with verdicts of (reader, opinion), the oldest first."""
    result = result_of(ObjectVersion("xrays", name, "v1"), model, **changes)
    score(engine, result)
    for reader, opinion in opinions:
        assert add_verdict(engine, result.result_id, NewVerdict(opinion, reader, "Old scar of Ada Synthetic."))
    return result


def labels(found: Reviews) -> dict[float, bool]:
    """Labels by score, since names say nothing."""
    return {row.score: row.pneumonia for row in found.table.rows}


AGREE, DISAGREE, OTHER = ("osei", Opinion.AGREE), ("osei", Opinion.DISAGREE), ("osei", Opinion.OTHER_FINDING)


def test_a_verdict_confirms_the_outcome_or_makes_its_opposite_the_label(engine: Engine) -> None:
    reviewed(engine, "a", AGREE, score=0.9)
    reviewed(engine, "b", DISAGREE, score=0.8)
    reviewed(engine, "c", AGREE, score=0.2, outcome=Outcome.NORMAL)
    reviewed(engine, "d", DISAGREE, score=0.3, outcome=Outcome.NORMAL, gate=0.75)

    found = read_reviews(engine, MODEL)

    assert labels(found) == {0.9: True, 0.8: False, 0.2: False, 0.3: True}
    assert found.reviewed == 4
    assert found.left_out == {}
    assert {row.score: (row.subtype, row.gate) for row in found.table.rows}[0.3] == ("pneumonia", 0.75)
    assert found.table.sets == ("reviews",)


def test_a_readers_latest_verdict_counts(engine: Engine) -> None:
    reviewed(engine, "a", AGREE, OTHER, DISAGREE, score=0.9)

    assert labels(read_reviews(engine, MODEL)) == {0.9: False}


def test_what_says_nothing_of_pneumonia_is_left_out_and_counted(engine: Engine) -> None:
    reviewed(engine, "a", AGREE, ("lund", Opinion.DISAGREE))
    reviewed(engine, "b", OTHER)
    reviewed(engine, "c", DISAGREE, outcome=Outcome.UNSURE, reason="between-thresholds")
    reviewed(engine, "d", AGREE, score=None)
    reviewed(engine, "e", ("lund", Opinion.OTHER_FINDING), AGREE, score=0.9)

    found = read_reviews(engine, MODEL)

    assert labels(found) == {0.9: True}, "another reader's other finding does not gainsay"
    assert found.left_out == {"readers disagree": 1, "other finding": 1, "unsure": 1, "no score": 1}
    assert found.reviewed == 5


def test_only_this_models_results_of_people_count(engine: Engine) -> None:
    reviewed(engine, "a", AGREE, score=0.9)
    reviewed(engine, "b", AGREE, simulated=True)
    reviewed(engine, "c", AGREE, model=OTHER_MODEL)
    reviewed(engine, "d")

    found = read_reviews(engine, MODEL)

    assert labels(found) == {0.9: True}
    assert found.reviewed == 1
    assert read_reviews(engine, "ef" * 32).reviewed == 0


def test_nobody_can_be_told_and_films_of_one_patient_stay_together(engine: Engine) -> None:
    other = KEYS.patient_pseudonym("SYN-2", "SYNTHETIC")
    made = [
        reviewed(engine, "a", AGREE),
        reviewed(engine, "b", AGREE),
        reviewed(engine, "c", AGREE, patient_pseudonym=other),
        reviewed(engine, "d", AGREE, patient_pseudonym=None),
    ]

    table = read_reviews(engine, MODEL).table

    text = table.text()
    for result in made:
        for secret in (result.result_id, result.image_id, result.image_pseudonym, result.patient_pseudonym):
            assert secret is None or secret not in text
    assert "osei" not in text
    assert "Synthetic" not in text
    counted = sorted(table.patients.count(patient) for patient in set(table.patients))
    assert counted == [1, 1, 2]
    assert len({row.name for row in table.rows}) == 4
