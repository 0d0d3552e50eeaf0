"""From a decoded X-ray to the model's input: one function for training, evaluation and service."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.pipeline.images.radiograph import Radiograph

Filter = Literal["box", "bilinear", "hamming", "bicubic", "lanczos"]

# How much larger than the model's input a scaled decoding stays, so that the resize filter still does the work.
SCALED_DECODING_MARGIN = 2

# Pillow's reducing_gap: a box filter shrinks large images to three times the size before the filter does the rest,
# a third of the time for at most 2 of 255 grey levels.
REDUCING_GAP = 3.0


@dataclass(frozen=True, slots=True)
class InputContract:
    """How a model wants its input; lives in the model file's metadata.

    The image loses `crop` of its width at the left and right and of its height at the top and bottom, is resized to
    `height` x `width` without regard to aspect by Pillow's filter `resize` (reducing_gap 3), divided by its type's
    greatest number, and becomes (x - mean[c]) / std[c] in each of `channels` channels.
    """

    name: str
    height: int
    width: int
    channels: int = 1
    resize: Filter = "lanczos"
    crop: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def smallest_side(self) -> int:
        """The `smallest_side` to give to decode(): what lies below would show in the model's input."""
        return ceil(SCALED_DECODING_MARGIN * max(self.height, self.width) / (1 - 2 * self.crop))


def prepare(radiograph: Radiograph, contract: InputContract) -> NDArray[np.float32]:
    """The model's input, float32 of shape (1, channels, height, width). The same pixels give the same bytes."""
    small = _resized(radiograph, contract)
    planes = np.empty((1, contract.channels, contract.height, contract.width), np.float32)
    greatest = (1 << radiograph.bits) - 1
    for channel, (mean, std) in enumerate(zip(contract.mean, contract.std, strict=True)):
        plane = planes[0, channel]
        np.multiply(small, np.float32(1 / (greatest * std)), out=plane)
        if mean:
            plane -= np.float32(mean / std)
    return planes


def _resized(radiograph: Radiograph, contract: InputContract) -> NDArray[np.uint8] | NDArray[np.float32]:
    """(height, width) in 0 to the type's greatest number."""
    from PIL import Image

    height, width = radiograph.pixels.shape
    left, top = contract.crop * width, contract.crop * height
    box = (left, top, width - left, height - top)
    size = (contract.width, contract.height)
    resampling = Image.Resampling[contract.resize.upper()]
    if radiograph.bits == 8:
        return np.asarray(Image.fromarray(radiograph.pixels).resize(size, resampling, box, REDUCING_GAP))
    image = Image.fromarray(radiograph.pixels.astype(np.float32))
    # Filters with negative lobes overshoot; on 8 bits Pillow clips by itself.
    small = np.asarray(image.resize(size, resampling, box, REDUCING_GAP), np.float32)
    clipped: NDArray[np.float32] = np.clip(small, 0, (1 << radiograph.bits) - 1)
    return clipped
