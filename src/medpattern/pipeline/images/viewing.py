"""Pictures for people's eyes: the pixels of a file as PNG, without anything of its headers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from medpattern.pipeline.images.decoding import decode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medpattern.pipeline.images.radiograph import Limits


def uploaded_png(data: bytes, side: int | None, limits: Limits) -> bytes:
    """The pixels of a JPEG, PNG, TIFF or DICOM file, in 8 bits, as PNG: nothing of the file's headers is in it.

    `side` bounds the longer side, in pixels. Raises Unprocessable as `decode` does.
    """
    from PIL import Image

    return encoded_png(Image.fromarray(_eight_bits(decode(data, limits=limits, smallest_side=side).pixels)), side)


def _eight_bits(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    import numpy as np

    return (pixels if pixels.dtype == np.uint8 else pixels >> 8).astype(np.uint8, copy=False)


def encoded_png(image: Any, side: int | None) -> bytes:
    """A Pillow image as PNG; `side` bounds the longer side, in pixels."""
    from PIL import Image

    if side is not None:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    # Through the loopback interface the processor is the narrow place, not the network.
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
