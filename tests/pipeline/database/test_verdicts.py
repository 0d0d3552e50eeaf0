"""Readers' verdicts stand beside results and never change them. tests/real runs this on PostgreSQL too."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.verdicts import add_verdict, find_results, read_result, verdicts_of
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.reports.verdicts import LONGEST_COMMENT, NewVerdict, Opinion
from tests.pipeline.database.test_accounting import score
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, SCORED, result_of

IMAGE = ObjectVersion("xrays", "a.png", "v1")
RESULT = result_of(IMAGE)


def test_verdicts_are_appended_and_the_result_stays_as_it_was(engine: Engine) -> None:
    score(engine, RESULT)
    first = add_verdict(engine, RESULT.result_id, NewVerdict(Opinion.DISAGREE, "dr.osei", "Alte Narbe ✓"))
    second = add_verdict(engine, RESULT.result_id, NewVerdict(Opinion.AGREE, "dr.lund"))
    assert first is not None
    assert second is not None
    found = verdicts_of(engine, [RESULT.result_id])[RESULT.result_id]
    assert sorted(found, key=lambda verdict: verdict.reader) == [second, first]
    assert (first.opinion, first.reader, first.comment) == (Opinion.DISAGREE, "dr.osei", "Alte Narbe ✓")
    assert abs((first.given - now()).total_seconds()) < 60
    assert read_result(engine, RESULT.result_id) == RESULT


def test_longest_comment_fits(engine: Engine) -> None:
    score(engine, RESULT)
    stored = add_verdict(engine, RESULT.result_id, NewVerdict(Opinion.AGREE, "r" * 255, "✓" * LONGEST_COMMENT))
    assert stored is not None
    assert stored.comment == "✓" * LONGEST_COMMENT


def test_result_that_is_not_there_takes_no_verdict(engine: Engine) -> None:
    assert add_verdict(engine, RESULT.result_id, NewVerdict(Opinion.AGREE, "dr.osei")) is None
    assert verdicts_of(engine, [RESULT.result_id]) == {}


def test_results_are_found_by_id_by_image_and_by_patient(engine: Engine) -> None:
    other = result_of(ObjectVersion("xrays", "b.png", "v1"), scored_at=SCORED + timedelta(hours=1))
    stranger = result_of(
        ObjectVersion("xrays", "c.png", "v1"), patient_pseudonym=KEYS.patient_pseudonym("SYN-2", "SYNTHETIC")
    )
    for result in (other, RESULT, stranger):
        score(engine, result)
    assert find_results(engine, RESULT.result_id) == [RESULT]
    assert find_results(engine, RESULT.image_pseudonym) == [RESULT]
    assert find_results(engine, RESULT.patient_pseudonym or "") == [RESULT, other]
    assert find_results(engine, "nobody") == []
    assert find_results(engine, "0" * 64) == []


def test_image_is_told_by_its_current_result_and_any_other_by_its_id(engine: Engine) -> None:
    newer = result_of(IMAGE, OTHER_MODEL, scored_at=SCORED + timedelta(hours=1))
    for result in (RESULT, newer):
        score(engine, result)
    assert find_results(engine, RESULT.image_pseudonym) == [newer]
    assert find_results(engine, RESULT.image_pseudonym, MODEL) == [RESULT]
    assert find_results(engine, RESULT.result_id) == [RESULT]
