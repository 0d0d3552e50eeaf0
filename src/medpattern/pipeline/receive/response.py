"""The Store Instances Response (PS3.18 annex I) in the DICOM JSON model (annex F)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medpattern.pipeline.receive.instances import Instance, Refusal

DICOM_JSON = "application/dicom+json"

_RETRIEVE_URL = "00081190"
_SOP_CLASS, _SOP_INSTANCE = "00081150", "00081155"
_FAILURE_REASON = "00081197"
_FAILED, _REFERENCED, _OTHER_FAILURES = "00081198", "00081199", "0008119A"


def store_response(ends: Sequence[Instance | Refusal]) -> tuple[int, dict[str, Any]]:
    """HTTP status and body for at least one instance: 200 all stored, 202 some, 409 none.

    What could not even be named stands under Other Failures Sequence, since Failed SOP Sequence demands UIDs.
    """
    stored = [end for end in ends if isinstance(end, Instance)]
    refused = [end for end in ends if isinstance(end, Refusal)]
    # Type 2: nothing can be retrieved here, and the standard wants the attribute all the same.
    body: dict[str, Any] = {_RETRIEVE_URL: {"vr": "UR"}}
    sequences = {
        _FAILED: [_reference(end) | _reason(end) for end in refused if end.sop_instance],
        _REFERENCED: [_reference(end) | {_RETRIEVE_URL: {"vr": "UR"}} for end in stored],
        _OTHER_FAILURES: [_reason(end) for end in refused if not end.sop_instance],
    }
    body |= {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
    return (409 if not stored else 202 if refused else 200), body


def _reference(end: Instance | Refusal) -> dict[str, Any]:
    named = {_SOP_CLASS: end.sop_class, _SOP_INSTANCE: end.sop_instance}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in named.items()}


def _reason(end: Refusal) -> dict[str, Any]:
    return {_FAILURE_REASON: {"vr": "US", "Value": [int(end.reason)]}}
