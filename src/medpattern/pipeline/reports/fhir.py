"""A result as FHIR R4 DiagnosticReport (https://hl7.org/fhir/R4/diagnosticreport.html).

Without identity: the patient and the image are named by pseudonym alone. `preliminary` until a reader's verdict
stands, `final` from then on; what the model said stays as it was, and the verdict is told beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.events.results import STATEMENT, Outcome, Result
from medpattern.pipeline.reports.verdicts import Opinion, Verdict

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
# One report is about one image, so the code of the study with a single view.
XR_CHEST_SINGLE_VIEW = {"system": LOINC, "code": "36554-4", "display": "XR Chest Single view"}
PNEUMONIA = {"system": SNOMED, "code": "233604007", "display": "Pneumonia"}
RADIOLOGY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology"}
TEST_DATA = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}

_WORDS = {
    Outcome.NORMAL: "No sign of pneumonia above the operating point.",
    Outcome.PNEUMONIA: "Signs of pneumonia.",
    Outcome.UNSURE: "The model is unsure.",
}
_OPINIONS = {
    Opinion.AGREE: "agrees",
    Opinion.DISAGREE: "disagrees",
    Opinion.OTHER_FINDING: "reports another finding",
}


def diagnostic_report(result: Result, verdicts: Sequence[Verdict] = ()) -> dict[str, Any]:
    """The report as a JSON object; the same result and verdicts give the same report.

    verdicts: those on this result, in any order; the latest decides, all are named.
    """
    told = sorted(verdicts, key=lambda verdict: (verdict.given, verdict.verdict_id))
    status = "final" if told else "preliminary"
    subject = _patient(result)
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": result.result_id,
        "contained": [_device(result), _risk(result, status, subject)],
        "identifier": [_identifier("result", result.result_id), _identifier("image", result.image_pseudonym)],
        "status": status,
        "category": [{"coding": [RADIOLOGY]}],
        "code": {"coding": [XR_CHEST_SINGLE_VIEW], "text": "Chest X-ray, assessed by a model"},
        **subject,
        **_acquired(result),
        "issued": rfc3339(told[-1].given if told else result.scored_at),
        **_performers(told),
        "result": [{"reference": "#risk"}],
        "conclusion": _conclusion(result, told),
    }
    if _is_pneumonia(result, told):
        report["conclusionCode"] = [{"coding": [PNEUMONIA], "text": "Pneumonia"}]
    if result.simulated:
        report["meta"] = {"security": [TEST_DATA]}
    return report


def collection(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several reports as one FHIR Bundle."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": report} for report in reports],
    }


def _identifier(what: str, value: str) -> dict[str, Any]:
    return {"type": {"text": what}, "value": value}


def _patient(result: Result) -> dict[str, Any]:
    if result.patient_pseudonym is None:
        return {}
    return {"subject": {"type": "Patient", "identifier": _identifier("pseudonym", result.patient_pseudonym)}}


def _acquired(result: Result) -> dict[str, Any]:
    return {} if result.acquired_at is None else {"effectiveDateTime": rfc3339(result.acquired_at)}


def _device(result: Result) -> dict[str, Any]:
    versions = [{"value": result.model_version}, {"type": {"text": "sha256"}, "value": result.model_sha256}]
    device: dict[str, Any] = {
        "resourceType": "Device",
        "id": "model",
        "deviceName": [{"name": result.model_name, "type": "model-name"}],
        "version": versions,
    }
    if result.stand_in:
        device["note"] = [{"text": "A stand-in that was never trained on X-rays; its results mean nothing."}]
    return device


def _risk(result: Result, status: str, subject: dict[str, Any]) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "risk",
        "status": status,
        "code": {"text": "Risk of pneumonia as estimated by the model"},
        **subject,
        **_acquired(result),
        "device": {"reference": "#model"},
        "method": {"text": f"operating point {result.operating_point}"},
        "note": [{"text": STATEMENT}],
    }
    if result.risk is None:
        return observation | {"dataAbsentReason": {"text": result.reason or "the model gave none"}}
    return observation | {"valueQuantity": {"value": round(result.risk, 6), "unit": "1", "system": UCUM, "code": "1"}}


def _performers(told: Sequence[Verdict]) -> dict[str, Any]:
    # R4 knows no device as performer, so a report that nobody has read names none.
    readers = dict.fromkeys(verdict.reader for verdict in told)
    return {"performer": [{"display": reader} for reader in readers]} if readers else {}


def _conclusion(result: Result, told: Sequence[Verdict]) -> str:
    model = f"{result.model_name} {result.model_version}"
    parts = [f"By the model {model} alone, {STATEMENT}: {_WORDS[result.outcome]}"]
    if result.reason:
        parts.append(f"Reason: {result.reason}.")
    if result.risk is not None:
        parts.append(f"Risk {result.risk:.2f}, operating point {result.operating_point}.")
    if result.stand_in:
        parts.append("The model is a stand-in that was never trained: its outcome means nothing.")
    if result.simulated:
        parts.append("The image was simulated and shows no patient.")
    parts += [_sentence(verdict) for verdict in told]
    return " ".join(parts)


def _sentence(verdict: Verdict) -> str:
    said = f"{verdict.reader} {_OPINIONS[verdict.opinion]} ({rfc3339(verdict.given)})"
    return f"{said}: {verdict.comment}" if verdict.comment else f"{said}."


def _is_pneumonia(result: Result, told: Sequence[Verdict]) -> bool:
    """Whether the report may be coded as pneumonia: a reader who contradicts takes the code away."""
    return result.outcome is Outcome.PNEUMONIA and (not told or told[-1].opinion is Opinion.AGREE)
