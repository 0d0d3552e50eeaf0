"""What happens to a film's grey levels between two hospitals: functions on uint8 pixels of shape (height, width).

Lengths are shares of the film's shorter side, so that a film of 224 and one of 3000 pixels change alike.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.simulation.burned_in import Inscription, draw_inscriptions, inscribe
from medpattern.pipeline.simulation.patient import draw_patient

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.pipeline.simulation.burned_in import Corner
    from medpattern.pipeline.simulation.patient import Patient

    Pixels = NDArray[np.uint8]

LEVELS = np.arange(256) / 255
ACQUIRED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
# How far into the film an inscription may move, so that it is not always what the input contract crops off.
DEEPEST_INSET = 0.10
MARKER_SIZE = (0.035, 0.06)


def gamma(pixels: Pixels, exponent: float) -> Pixels:
    """Grey levels 0 to 1 raised to `exponent`: above 1 the film is darker, below 1 brighter."""
    return _mapped(pixels, LEVELS**exponent)


def gain(pixels: Pixels, factor: float) -> Pixels:
    """Grey levels times `factor`; what passes white is cut off, as an overflowing display does."""
    return _mapped(pixels, LEVELS * factor)


def contrast(pixels: Pixels, factor: float) -> Pixels:
    """Distances from the film's mean times `factor`."""
    mean = float(pixels.mean()) / 255
    return _mapped(pixels, mean + (LEVELS - mean) * factor)


def stretched(pixels: Pixels, cut: float) -> Pixels:
    """The range between the percentiles `cut` and 100 - `cut` drawn out to black and white, as viewers do."""
    low, high = np.percentile(pixels, [cut, 100 - cut]) / 255
    return _mapped(pixels, (LEVELS - low) / max(high - low, 1 / 255))


def _mapped(pixels: Pixels, levels: NDArray[np.float64]) -> Pixels:
    """Each of the 256 grey levels replaced by another one, given in 0 to 1."""
    table = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    shown: Pixels = table[pixels]
    return shown


def blurred(pixels: Pixels, share: float) -> Pixels:
    """A Gaussian blur whose standard deviation is `share` of the shorter side."""
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(share * min(pixels.shape))))


def sharpened(pixels: Pixels, share: float, strength: float) -> Pixels:
    """An unsharp mask: what a blur of `share` takes away is added `strength` times."""
    from PIL import Image, ImageFilter

    mask = ImageFilter.UnsharpMask(share * min(pixels.shape), round(100 * strength), 0)
    return np.asarray(Image.fromarray(pixels).filter(mask))


def noisy(pixels: Pixels, rng: np.random.Generator, deviation: float) -> Pixels:
    """Gaussian noise of `deviation` grey levels (of 255) in each pixel."""
    grain = rng.standard_normal(pixels.shape, np.float32) * np.float32(deviation)
    return np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8)


def cropped(pixels: Pixels, top: float, bottom: float, left: float, right: float) -> Pixels:
    """The film without these shares of its height and width."""
    height, width = pixels.shape
    inside = pixels[round(top * height) : height - round(bottom * height)]
    return np.ascontiguousarray(inside[:, round(left * width) : width - round(right * width)])


def off_centre(pixels: Pixels, rng: np.random.Generator, share: float) -> Pixels:
    """The film without `share` of its height at one end and of its width at one side, drawn by chance."""
    top, left = (share * (rng.random() < 0.5) for _ in range(2))
    return cropped(pixels, top, share - top, left, share - left)


def framed(pixels: Pixels, share: float) -> Pixels:
    """The film with black borders, `share` of its height and width on each side: a field wider than the chest."""
    height, width = pixels.shape
    down, across = round(share * height), round(share * width)
    return np.pad(pixels, ((down, down), (across, across)))


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """The film turned counter-clockwise about its centre, its size kept, its corners black."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))


def resized(pixels: Pixels, shorter: int) -> Pixels:
    """The film with a shorter side of `shorter` pixels, its aspect kept."""
    from PIL import Image

    height, width = pixels.shape
    scale = shorter / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def with_text(pixels: Pixels, rng: np.random.Generator, corner: Corner) -> Pixels:
    """Name, number and birth date of an invented patient burned in at `corner`, up to 10 % away from the edges."""
    patient = invented_patient(rng)
    height, width = pixels.shape
    first = draw_inscriptions(rng, patient, height, width)[0]
    return _inscribed(pixels, rng, replace(first, corner=corner))


def with_marker(pixels: Pixels, rng: np.random.Generator, letter: str) -> Pixels:
    """A white side marker: R at the film's left, L at its right, at the top or the bottom."""
    size = round(min(pixels.shape) * float(rng.uniform(*MARKER_SIZE)))
    corner: Corner = ("top" if rng.random() < 0.5 else "bottom", "left" if letter == "R" else "right")
    return _inscribed(pixels, rng, Inscription((letter,), corner, max(size, 8), "white"))


def _inscribed(pixels: Pixels, rng: np.random.Generator, inscription: Inscription) -> Pixels:
    inset = float(rng.uniform(0, DEEPEST_INSET))
    down, across = (round(inset * side) for side in pixels.shape)
    film = pixels.copy()
    inside = film[down : film.shape[0] - down, across : film.shape[1] - across]
    inside[:] = inscribe(inside, [inscription]).pixels
    return film


def invented_patient(rng: np.random.Generator) -> Patient:
    """A synthetic patient within the model's intended use."""
    return draw_patient(rng, ACQUIRED)
