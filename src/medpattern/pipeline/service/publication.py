"""The images that people may look at: free of text and of identity, or withheld."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medpattern.pipeline.deidentification.interface import Verdict
from medpattern.pipeline.events.results import Publication, Result
from medpattern.pipeline.service.steps import step

if TYPE_CHECKING:
    from medpattern.pipeline.deidentification.interface import Deidentified, Deidentifier
    from medpattern.pipeline.images.radiograph import Radiograph
    from medpattern.pipeline.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Stores the anonymised image, and the same pixels with the result in a margin."""

    store: ObjectStore
    deidentifier: Deidentifier
    processed: str
    anonymised: str

    def publish(self, result: Result, radiograph: Radiograph) -> Result:
        """`result` with the keys of its images, or with the reason for which they are withheld.

        The keys are made of pseudonyms and the model, and the bytes of nothing but pixels and result: a repeat
        writes the same bytes to the same place.

        Raises:
            Unavailable: the object store is away.
        """
        with step("deidentify"):
            found, reason = self._deidentify(radiograph)
        if found is None:
            return replace(result, publication=Publication.QUARANTINED, publication_reason=reason)
        anonymised = f"{result.image_pseudonym}.png"
        processed = f"{result.image_pseudonym}/{result.model_sha256[:16]}-{result.operating_point}.png"
        published = replace(
            result,
            publication=Publication.PUBLISHED,
            publication_reason=reason,
            anonymised_key=anonymised,
            processed_key=processed,
        )
        with step("encode"):
            plain, drawn = _encode(published, found)
        with step("store"):
            self.store.put(self.anonymised, anonymised, plain, "image/png")
            self.store.put(self.processed, processed, drawn, "image/png")
        return published

    def _deidentify(self, radiograph: Radiograph) -> tuple[Deidentified | None, str]:
        try:
            found = self.deidentifier.deidentify(radiograph.pixels, radiograph.facts.burned_in)
        except Exception:
            # A fault of the remover withholds the image; it must never cost the patient the result.
            _LOG.exception("de-identification failed")
            return None, "deidentification-failed"
        return (None if found.verdict is Verdict.QUARANTINE else found), found.reason


def _encode(result: Result, image: Deidentified) -> tuple[bytes, bytes]:
    from medpattern.pipeline.deidentification.publication import Caption, anonymised_png, processed_png

    caption = Caption(
        outcome=result.outcome,
        reason=result.reason,
        risk=result.risk,
        operating_point=result.operating_point,
        model_name=result.model_name,
        model_version=result.model_version,
        stand_in=result.stand_in,
        simulated=result.simulated,
    )
    return anonymised_png(image), processed_png(image, caption)
