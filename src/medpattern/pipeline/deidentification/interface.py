"""The one interface of de-identification: an image goes in; an image, a mask and a verdict come out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Film = NDArray[np.uint8] | NDArray[np.uint16]


class Verdict(StrEnum):
    """Whether the image may be published. A quarantined one may not, whatever its pixels."""

    CLEAN = "clean"
    REMOVED = "removed"
    QUARANTINE = "quarantine"


class Reason(StrEnum):
    """Why an image is quarantined; `NONE` for the other verdicts."""

    NONE = ""
    DECLARED_NOT_FOUND = "declared-text-not-found"
    TEXT_LEFT = "text-like-structure-left"
    DOUBTFUL = "doubtful-structure"
    TOO_MUCH = "too-much-to-remove"
    MIDDLE = "found-in-the-middle"
    UNREADABLE = "not-to-be-judged"


@dataclass(frozen=True, slots=True, eq=False)
class Deidentified:
    """pixels: shape and type of the input, filled with 0 where `mask` (bool, same shape) is True; reason: a code."""

    pixels: Film
    mask: NDArray[np.bool_]
    verdict: Verdict
    reason: Reason = Reason.NONE


class Deidentifier(Protocol):
    """Removes burned-in identity from the pixels of one image."""

    def deidentify(self, pixels: Film, declared_burned_in: bool | None = None) -> Deidentified:
        """Judge and clean one image; never changes its input.

        pixels: (H, W), uint8 or uint16, 0 is black; declared_burned_in: DICOM BurnedInAnnotation, None where
        nothing is declared.
        """
        ...
