"""The report is FHIR that a foreign library accepts, and says what stands in the result, no more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.results import STATEMENT, Outcome, Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.reports.fhir import collection, diagnostic_report
from medpattern.pipeline.reports.verdicts import Opinion, Verdict
from tests.pipeline.samples import SCORED, result_of

KEY = "ward-7/Wilhelmina-Testperson.dcm"
RESULT = result_of(ObjectVersion("xrays", KEY, "v1"))
LATER = SCORED + timedelta(hours=2)


def verdict(opinion: Opinion, given_at: datetime = LATER, reader: str = "dr.osei", comment: str = "") -> Verdict:
    return Verdict(f"{given_at:%H%M%S}", RESULT.result_id, opinion, reader, comment, given_at)


def read(report: dict[str, Any]) -> DiagnosticReport:
    """The report as the foreign library understands it; what R4B does not know, it refuses."""
    return DiagnosticReport.model_validate_json(json.dumps(report))


outcomes = st.sampled_from(Outcome)
moments = st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(
    outcome=outcomes,
    risk=st.none() | st.floats(0, 1),
    acquired=moments,
    patient=st.none() | st.just("p" * 32),
    flags=st.tuples(st.booleans(), st.booleans()),
    opinions=st.lists(st.sampled_from(Opinion), max_size=3),
)
def test_every_report_is_valid_fhir(
    outcome: Outcome,
    risk: float | None,
    acquired: datetime | None,
    patient: str | None,
    flags: tuple[bool, bool],
    opinions: list[Opinion],
) -> None:
    result = replace(RESULT, outcome=outcome, risk=risk, acquired_at=acquired, patient_pseudonym=patient)
    result = replace(result, stand_in=flags[0], simulated=flags[1], reason="" if risk is not None else "gate")
    verdicts = [verdict(opinion, LATER + timedelta(minutes=n)) for n, opinion in enumerate(opinions)]
    report = read(diagnostic_report(result, verdicts))
    assert report.status == ("final" if verdicts else "preliminary")
    assert STATEMENT in report.conclusion
    assert result.model_name in report.conclusion


def contained(report: DiagnosticReport, kind: str) -> Any:
    (found,) = [item for item in report.contained if item.get_resource_type() == kind]
    return found


def test_model_is_named_with_version_and_digest() -> None:
    report = read(diagnostic_report(RESULT))
    device = contained(report, "Device")
    assert device.deviceName[0].name == RESULT.model_name
    assert {entry.value for entry in device.version} == {RESULT.model_version, RESULT.model_sha256}
    assert contained(report, "Observation").device.reference == f"#{device.id}"


def test_risk_is_an_observation_that_the_report_refers_to() -> None:
    report = read(diagnostic_report(RESULT))
    risk = contained(report, "Observation")
    assert [reference.reference for reference in report.result] == [f"#{risk.id}"]
    assert float(risk.valueQuantity.value) == RESULT.risk
    assert risk.status == "preliminary"


def test_risk_that_the_gate_withheld_is_absent_for_a_reason() -> None:
    result = replace(RESULT, outcome=Outcome.UNSURE, risk=None, reason="no-chest")
    risk = contained(read(diagnostic_report(result)), "Observation")
    assert risk.valueQuantity is None
    assert risk.dataAbsentReason.text == "no-chest"


def test_patient_and_image_are_named_by_pseudonym_alone() -> None:
    text = json.dumps(diagnostic_report(RESULT))
    report = read(json.loads(text))
    assert report.subject.identifier.value == RESULT.patient_pseudonym
    assert report.subject.reference is None
    assert RESULT.image_pseudonym in {identifier.value for identifier in report.identifier}
    for identity in ("Wilhelmina", "ward-7", "SYN-1", "xrays"):
        assert identity not in text


def test_image_without_patient_has_no_subject() -> None:
    assert read(diagnostic_report(replace(RESULT, patient_pseudonym=None))).subject is None


def codes(result: Result, *verdicts: Verdict) -> list[str]:
    report = read(diagnostic_report(result, verdicts))
    return [coding.code for concept in report.conclusionCode or [] for coding in concept.coding]


@pytest.mark.parametrize("outcome", [Outcome.NORMAL, Outcome.UNSURE])
def test_only_pneumonia_is_coded_as_pneumonia(outcome: Outcome) -> None:
    assert codes(RESULT) == ["233604007"]  # SNOMED CT: Pneumonia (disorder)
    assert codes(replace(RESULT, outcome=outcome)) == []


def test_reader_who_contradicts_takes_the_code_away_and_one_who_agrees_keeps_it() -> None:
    assert codes(RESULT, verdict(Opinion.AGREE)) == codes(RESULT)
    assert codes(RESULT, verdict(Opinion.DISAGREE)) == []
    assert codes(RESULT, verdict(Opinion.OTHER_FINDING)) == []


def test_the_latest_verdict_decides_and_all_are_told() -> None:
    early, late = (
        verdict(Opinion.DISAGREE, LATER, "dr.osei"),
        verdict(Opinion.AGREE, LATER + timedelta(minutes=1), "dr.lund", "Seen in the second view."),
    )
    report = read(diagnostic_report(RESULT, [late, early]))
    assert report.conclusionCode
    assert report.issued == late.given
    assert [performer.display for performer in report.performer] == ["dr.osei", "dr.lund"]
    assert "Seen in the second view." in report.conclusion
    assert "dr.osei disagrees" in report.conclusion


def test_report_that_nobody_has_read_names_no_performer_and_is_issued_when_scored() -> None:
    report = read(diagnostic_report(RESULT))
    assert report.performer is None
    assert report.issued == SCORED


def test_time_of_the_image_is_told_only_where_it_is_known() -> None:
    acquired = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
    assert read(diagnostic_report(replace(RESULT, acquired_at=acquired))).effectiveDateTime == acquired
    local = replace(RESULT, acquired_at=None, acquired_local="2026-11-21 07:30:00")
    assert read(diagnostic_report(local)).effectiveDateTime is None


def test_simulated_image_and_stand_in_model_are_said_aloud() -> None:
    report = read(diagnostic_report(replace(RESULT, simulated=True, stand_in=True)))
    assert [label.code for label in report.meta.security] == ["HTEST"]
    assert "simulated" in report.conclusion
    assert "stand-in" in report.conclusion


def test_several_reports_are_a_bundle() -> None:
    bundle = Bundle.model_validate_json(json.dumps(collection([diagnostic_report(RESULT)] * 2)))
    assert [entry.resource.id for entry in bundle.entry] == [RESULT.result_id] * 2
