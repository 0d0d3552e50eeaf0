"""What a family of strangers is: a name, a way to draw one picture, and whether training may see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Part = Literal["train", "evaluation"]
PARTS: tuple[Part, ...] = ("train", "evaluation")
Kind = Literal["radiograph", "photograph", "field", "document", "drawing", "film"]
Pixels = NDArray[np.uint8]
Films = Sequence[Pixels]
SMALLEST, LARGEST = 64, 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """pixels: uint8 (H, W); source: the photograph or film it was made of, None where it is drawn from the seed."""

    pixels: Pixels
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """One picture that is no frontal chest film.

    pixels: uint8 (H, W), sides of 64 to 1024 pixels; source: what training and evaluation are kept apart by, a
    photograph's or film's name or the seed it was drawn from.
    """

    family: str
    source: str
    pixels: Pixels


class Draw(Protocol):
    """The same generator state, part and films give the same picture."""

    def __call__(self, rng: Generator, part: Part, films: Films = ()) -> Picture: ...


@dataclass(frozen=True, slots=True)
class Family:
    """held_out: never in training nor used for a threshold; kind "film": `draw` needs films to alter."""

    name: str
    kind: Kind
    held_out: bool
    draw: Draw


def drawn(name: str, kind: Kind, function: Callable[[Generator], Pixels], *, held_out: bool = False) -> Family:
    """A family whose pictures come from the generator alone, so that the seed splits them."""

    def draw(rng: Generator, part: Part, films: Films = ()) -> Picture:
        return Picture(function(rng))

    return Family(name, kind, held_out, draw)


def sides(rng: Generator) -> tuple[int, int]:
    """Height and width: mostly about what a network looks at, now and then small or long."""
    if rng.random() < 0.08:
        return int(rng.integers(SMALLEST, 160)), int(rng.integers(SMALLEST, 160))
    height = int(rng.integers(200, 340))
    return height, int(np.clip(height * rng.uniform(0.7, 1.4), 140, 420))


def quantised(brightness: NDArray[np.floating]) -> Pixels:
    """Brightness from 0 to 1 as uint8; what lies outside is cut off."""
    return np.asarray(np.clip(brightness, 0.0, 1.0) * 255.0 + 0.5, np.uint8)


def fitted(pixels: Pixels) -> Pixels:
    """The same picture with sides of 64 to 1024 pixels; only what is too small or too large is resized."""
    from PIL import Image

    height, width = (int(np.clip(side, SMALLEST, LARGEST)) for side in pixels.shape)
    if (height, width) == pixels.shape:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
