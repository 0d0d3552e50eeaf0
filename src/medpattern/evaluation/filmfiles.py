"""A film's pixels as the files that the pipeline reads: PNG, JPEG, PNG of 16 bits, DICOM."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from medpattern.evaluation.alterations import invented_patient
from medpattern.pipeline.simulation.dicom import encode_dicom
from medpattern.pipeline.simulation.encode import FilmHeader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.evaluation.alterations import Pixels
    from medpattern.pipeline.images import Radiograph

SIXTEEN_BITS_EACH = 257  # 255 * 257 = 65535


def as_png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """PNG, 8 or 16 bits as the pixels are; no loss."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def as_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Grey baseline JPEG; `quality` 1 to 95 as libjpeg counts it."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def as_deep_png(pixels: Pixels) -> bytes:
    """PNG of 16 bits, black and white where they were."""
    return as_png(_deep(pixels))


def as_dicom(
    pixels: Pixels, rng: np.random.Generator, photometric: Literal["MONOCHROME1", "MONOCHROME2"], bits: Literal[8, 12]
) -> bytes:
    """A DX object of an invented child; MONOCHROME1 stores white as 0 and declares it (PS3.3, C.7.6.3.1.2)."""
    stored = pixels if bits == 8 else _deep(pixels)
    return encode_dicom(stored, invented_patient(rng), FilmHeader(photometric=photometric))


def _deep(pixels: Pixels) -> NDArray[np.uint16]:
    return pixels.astype(np.uint16) * np.uint16(SIXTEEN_BITS_EACH)


def eight_bits(radiograph: Radiograph) -> Pixels:
    """A decoded film's pixels as uint8, rounded."""
    if radiograph.bits == 8:
        return radiograph.pixels.astype(np.uint8, copy=False)
    return np.rint(radiograph.pixels / SIXTEEN_BITS_EACH).astype(np.uint8)
