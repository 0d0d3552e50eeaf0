"""One entrance for every file: the format is told by content, and a bad file is told from a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.radiograph import Format, Limits, Radiograph

if TYPE_CHECKING:
    pass


def decode(data: bytes, *, limits: Limits = Limits(), smallest_side: int | None = None) -> Radiograph:
    """The X-ray in `data`: JPEG, PNG, TIFF or DICOM."""
    raise NotImplementedError
