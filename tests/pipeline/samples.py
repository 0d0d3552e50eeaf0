"""Results of synthetic images, for tests that need some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from medpattern.pipeline.events.results import Outcome, Publication, Result
from medpattern.pipeline.identity import Keys, ObjectVersion

KEYS = Keys(b"identity key of the tests, 32 bytes and more", b"pseudonym key of the tests, 32 bytes and more")
MODEL = "ab" * 32
OTHER_MODEL = "cd" * 32
SCORED = datetime(2026, 11, 21, 9, 0, 7, 250000, tzinfo=UTC)


def result_of(image: ObjectVersion, model_sha256: str = MODEL, **changes: Any) -> Result:
    """A result for `image` by that model: pneumonia, published, with a patient unless `changes` say otherwise."""
    pseudonym = KEYS.image_pseudonym(image)
    found = Result(
        result_id=KEYS.result_id(image, model_sha256),
        image_id=KEYS.image_id(image),
        image_pseudonym=pseudonym,
        patient_pseudonym=KEYS.patient_pseudonym("SYN-1", "SYNTHETIC"),
        source_bucket=image.bucket,
        outcome=Outcome.PNEUMONIA,
        reason="",
        risk=0.8125,
        score=0.75,
        gate=None,
        operating_point="balanced",
        model_name="chest-pneumonia",
        model_version="1.2.0",
        model_sha256=model_sha256,
        stand_in=False,
        simulated=False,
        backfill=False,
        notify=True,
        publication=Publication.PUBLISHED,
        publication_reason="",
        processed_key=f"{pseudonym}/{model_sha256[:16]}-balanced.png",
        anonymised_key=f"{pseudonym}.png",
        image_format="png",
        image_width=640,
        image_height=512,
        acquired_at=None,
        acquired_local=None,
        stored_at=datetime(2026, 11, 21, 9, 0, 5, tzinfo=UTC),
        received_at=datetime(2026, 11, 21, 9, 0, 6, tzinfo=UTC),
        scored_at=SCORED,
    )
    return replace(found, **changes)
