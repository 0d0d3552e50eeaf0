"""Results as the API tells them: pseudonyms, no key of an object, no bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.database.pages import Page, State
from medpattern.pipeline.events.results import STATEMENT, Publication, Result
from medpattern.pipeline.reports.verdicts import Verdict


def told(result: Result, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """One result with its verdicts, oldest first."""
    model = {"name": result.model_name, "version": result.model_version, "sha256": result.model_sha256}
    return {
        "id": result.result_id,
        "image": result.image_pseudonym,
        "patient": result.patient_pseudonym,
        "statement": STATEMENT,
        "state": (State.FINAL if verdicts else State.PRELIMINARY).value,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "risk": result.risk,
        "operatingPoint": result.operating_point,
        "model": model | {"standIn": result.stand_in},
        "simulated": result.simulated,
        "backfill": result.backfill,
        "withheld": withheld(result),
        "format": result.image_format,
        "width": result.image_width,
        "height": result.image_height,
        "acquired": _time(result.acquired_at),
        "acquiredLocal": result.acquired_local,
        "stored": _time(result.stored_at),
        "scored": _time(result.scored_at),
        "verdicts": [told_verdict(verdict) for verdict in verdicts],
    }


def told_verdict(verdict: Verdict) -> dict[str, Any]:
    """One verdict."""
    return {
        "id": verdict.verdict_id,
        "opinion": verdict.opinion.value,
        "reader": verdict.reader,
        "comment": verdict.comment,
        "given": rfc3339(verdict.given),
    }


def told_page(page: Page, verdicts: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    """A page; `next` is what the next one is asked for with, None after the last."""
    return {
        "statement": STATEMENT,
        "results": [told(result, verdicts.get(result.result_id, ())) for result in page.results],
        "next": str(page.next) if page.next else None,
    }


def withheld(result: Result) -> str:
    """Why the result's images are not shown, "" where they are published."""
    return "" if result.publication is Publication.PUBLISHED else result.publication_reason or "no reason given"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
