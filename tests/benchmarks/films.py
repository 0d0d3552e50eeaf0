"""Chest phantoms as JPEG files of a wanted size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from medpattern.pipeline.simulation.phantom import draw_phantom

QUALITY = 92
TOLERANCE = 0.05
SEED = 7


def jpeg_films(folder: Path, kilobytes: int, count: int) -> list[Path]:
    """`count` different square films of `kilobytes` x 1000 bytes (+- 5 %), written to `folder`."""
    folder.mkdir(parents=True)
    found = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        path.write_bytes(jpeg_film(number, 1000 * kilobytes))
        found.append(path)
    return found


def jpeg_film(number: int, size: int) -> bytes:
    """Film `number`, its side chosen so that the file has about `size` bytes."""
    side = 512
    for _ in range(12):
        data = _drawn(number, side)
        if abs(len(data) - size) <= TOLERANCE * size:
            return data
        side = max(64, round(side * (size / len(data)) ** 0.5))
    raise ValueError(f"no phantom {number} of {size} bytes was found; the last had {len(data)}")


def _drawn(number: int, side: int) -> bytes:
    rng = np.random.default_rng([SEED, number])
    pixels = draw_phantom(rng, side, side, pneumonia=number % 2 == 1).pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
