"""Sets of drawn films for the tests: chests of the simulator, in memory and as a folder of the original layout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from medpattern.evaluation.film import Film
from medpattern.evaluation.filmfiles import as_jpeg, as_png
from medpattern.pipeline.images import decode
from medpattern.pipeline.simulation.phantom import draw_phantom

HEIGHT, WIDTH = 120, 150


@cache
def picture(seed: int, pneumonia: bool) -> bytes:
    """A drawn chest as a PNG of 150 x 120."""
    phantom = draw_phantom(np.random.default_rng(seed), HEIGHT, WIDTH, pneumonia=pneumonia)
    return as_png(phantom.pixels)


def drawn_films(each: int = 3) -> list[Film]:
    """`each` clear chests and as many with an opacity."""
    return [
        Film(
            name=f"{'PNEUMONIA' if sick else 'NORMAL'}/{number}.png",
            pneumonia=sick,
            subtype="bacteria" if sick else "normal",
            patient=f"{sick}{number}",
            split="val",
            duplicate=False,
            cropped=False,
            read=lambda number=number, sick=sick: picture(number, sick),
        )
        for sick in (False, True)
        for number in range(each)
    ]


def drawn_folder(folder: Path, each: int = 3, part: str = "val") -> Path:
    """The same films as a folder in the original layout."""
    for film in drawn_films(each):
        number = int(Path(film.name).stem) + 1
        name = f"person{number}_bacteria_1.jpeg" if film.pneumonia else f"IM-{number:04d}-0001.jpeg"
        path = folder / part / Path(film.name).parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_jpeg(decode(film.read()).pixels.astype(np.uint8), 92))
    return folder
