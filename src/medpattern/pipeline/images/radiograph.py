"""What decoding an X-ray gives: pixels to look at, facts that identify nobody, and the one thing that does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

Format = Literal["jpeg", "png", "tiff", "dicom"]

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost; docs/images.md says what memory that makes.

    `bytes` bounds the file and what a deflated DICOM file inflates to; `pixels` bounds rows x columns, checked
    before any pixel is decoded.
    """

    bytes: int = 64 * MEBIBYTE
    pixels: int = 50_000_000


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the file says about the image; nothing that identifies a patient.

    `width` and `height` are those of the image as it is looked at, before any scaled decoding. Codes (`modality`,
    `body_part`, `view`) are upper case as in DICOM, None where the file does not say or says UNKNOWN.
    """

    format: Format
    width: int
    height: int
    modality: str | None = None
    body_part: str | None = None
    view: str | None = None
    age_years: float | None = None
    photometric: str | None = None
    bits_stored: int = 8
    acquired: datetime | None = None  # UTC; only where the file names its offset
    acquired_local: str | None = None  # as written, where it does not: the place's clock, never guessed
    burned_in: bool | None = None  # DICOM BurnedInAnnotation
    transfer_syntax: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the image shows: identity. It makes the patient's pseudonym and goes nowhere else; repr hides it."""

    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.patient_id)


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """A decoded X-ray. `pixels` is (height, width), 0 is black and the type's greatest number white.

    All that a display would do is done: rescale, VOI LUT or window, inversion, orientation, colour to grey.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    bits: Literal[8, 16]
    facts: ImageFacts
    subject: Subject = field(default_factory=Subject)
