"""Chest films altered so far that nobody would read them as a frontal chest film.

The model is shown every picture as a square, whatever its sides were: an alteration of the aspect alone would be
undone, so that the squeezed ones keep an empty ground beside them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from medpattern.errors import UsageError
from medpattern.evaluation.strangers.family import Family, Films, Part, Picture, Pixels, fitted, sides


def altered(
    name: str, alter: Callable[[Generator, list[Pixels]], Pixels], *, count: int = 1, held_out: bool = False
) -> Family:
    """A family made of `count` films each; its `draw` raises UsageError where there are none."""

    def draw(rng: Generator, part: Part, films: Films = ()) -> Picture:
        if not len(films):
            raise UsageError(f"{name} alters chest films: pass some")
        numbers = [int(number) for number in rng.integers(len(films), size=count)]
        source = "film " + " ".join(str(number) for number in numbers)
        return Picture(fitted(np.ascontiguousarray(alter(rng, [films[number] for number in numbers]))), source)

    return Family(name, "film", held_out, draw)


def inverted(rng: Generator, films: list[Pixels]) -> Pixels:
    """Black for white, and nothing in the file says so."""
    return np.invert(films[0])


def rotated(turns: int) -> Callable[[Generator, list[Pixels]], Pixels]:
    """By `turns` times 90 degrees, against the clock."""

    def rotate(rng: Generator, films: list[Pixels]) -> Pixels:
        return np.rot90(films[0], turns)

    return rotate


def upside_down(rng: Generator, films: list[Pixels]) -> Pixels:
    """Top for bottom; left stays left."""
    return films[0][::-1]


def blurred(rng: Generator, films: list[Pixels]) -> Pixels:
    """Beyond use: no rib and no vessel is left."""
    from PIL import Image, ImageFilter

    radius = rng.uniform(0.07, 0.13) * min(films[0].shape)
    return np.asarray(Image.fromarray(films[0]).filter(ImageFilter.GaussianBlur(radius)))


def strip(rng: Generator, films: list[Pixels]) -> Pixels:
    """Squeezed to a fifth or less of one side, on an empty ground."""
    height, width = sides(rng)
    sheet = np.full((height, width), int(rng.choice((0, 0, 128, 255))), np.uint8)
    share = rng.uniform(0.1, 0.22)
    size = (round(height * share), width) if rng.random() < 0.5 else (height, round(width * share))
    top, left = int(rng.integers(height - size[0] + 1)), int(rng.integers(width - size[1] + 1))
    sheet[top : top + size[0], left : left + size[1]] = _resized(films[0], *size)
    return sheet


def corner(rng: Generator, films: list[Pixels]) -> Pixels:
    """One corner's quarter of a film, or a little less."""
    height, width = (round(side * rng.uniform(0.38, 0.5)) for side in films[0].shape)
    rows = slice(0, height) if rng.random() < 0.5 else slice(-height, None)
    columns = slice(0, width) if rng.random() < 0.5 else slice(-width, None)
    return films[0][rows, columns]


def mosaic(rng: Generator, films: list[Pixels]) -> Pixels:
    """Several films on one sheet, as on a viewing station."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (1, 3), (2, 3))[int(rng.integers(5))]
    height, width = sides(rng)
    tiles = [_resized(film, max(32, height // rows), max(32, width // columns)) for film in films[: rows * columns]]
    return np.vstack([np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)])


def shuffled(rng: Generator, films: list[Pixels]) -> Pixels:
    """Cut into tiles of which none stays in its place."""
    count = int(rng.integers(2, 6))
    side = (max(64, min(films[0].shape)) // count) * count
    tiles = _resized(films[0], side, side).reshape(count, side // count, count, side // count).swapaxes(1, 2)
    ring = rng.permutation(count * count)
    order = np.empty_like(ring)
    order[ring] = np.roll(ring, 1)
    mixed = tiles.reshape(count * count, side // count, side // count)[order]
    return mixed.reshape(count, count, side // count, side // count).swapaxes(1, 2).reshape(side, side)


def scrambled(rng: Generator, films: list[Pixels]) -> Pixels:
    """Noise with a film's spectrum, mean and range: its phases are random."""
    film = films[0].astype(np.float32)
    noise = np.fft.rfft2(rng.standard_normal(film.shape))
    field = np.fft.irfft2(np.abs(np.fft.rfft2(film - film.mean())) * noise / np.abs(noise), s=film.shape)
    return np.asarray(np.clip(field + film.mean(), 0, 255), np.uint8)


def _resized(film: Pixels, height: int, width: int) -> Pixels:
    from PIL import Image

    return np.asarray(Image.fromarray(film).resize((width, height), Image.Resampling.BILINEAR))
