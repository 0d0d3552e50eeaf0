"""Films as they lie in memory during a training: prepared once by the pipeline's own function, a margin larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.film import DataError, contract_for
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.images.prepare import InputContract
from medpattern.pipeline.images.radiograph import ImageFacts, Radiograph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from medpattern.evaluation.films import Film
    from medpattern.training.settings import InputSettings


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Films with what is known of each. `pixels[i]`: uint8 (copies, kept, kept), one copy for each set that has it."""

    films: tuple[Film, ...]
    pixels: tuple[NDArray[np.uint8], ...]

    @property
    def pneumonia(self) -> NDArray[np.bool_]:
        """(N,): whether the film shows pneumonia."""
        return np.array([film.pneumonia for film in self.films])

    def chosen(self, places: Sequence[int] | NDArray[np.intp]) -> Material:
        """The films at `places`, in that order."""
        return Material(tuple(self.films[place] for place in places), tuple(self.pixels[place] for place in places))

    def drawn(self, places: Sequence[int] | NDArray[np.intp], rng: Generator) -> NDArray[np.uint8]:
        """(len(places), kept, kept): of each film one copy at random."""
        return np.stack([self.pixels[place][rng.integers(len(self.pixels[place]))] for place in places])

    def firsts(self) -> NDArray[np.uint8]:
        """(N, kept, kept): the first copy of each film."""
        return np.stack([copies[0] for copies in self.pixels])


def load(films: Sequence[Film], more: Sequence[Film], settings: InputSettings) -> Material:
    """`films` without duplicates; those of `more` that have the same name are further copies of them.

    Raises:
        DataError: a file that is no image.
    """
    further: dict[str, list[Film]] = {}
    for film in more:
        further.setdefault(film.name, []).append(film)
    kept = tuple(film for film in films if not film.duplicate)
    pixels = tuple(
        np.stack([in_memory(copy, settings) for copy in (film, *further.get(film.name, ()))]) for film in kept
    )
    return Material(kept, pixels)


def in_memory(film: Film, settings: InputSettings) -> NDArray[np.uint8]:
    """(kept, kept): the film without its borders, if it still has them."""
    contract = contract_for(film, input_contract(settings, settings.kept))
    try:
        return levels(prepare(decode(film.read(), smallest_side=contract.smallest_side), contract))
    except Unprocessable as error:
        raise DataError(f"{film.name} cannot be decoded: {error}") from error


def picture_in_memory(pixels: NDArray[np.uint8], settings: InputSettings) -> NDArray[np.uint8]:
    """(kept, kept): the same for pixels, (height, width), of a picture that has its borders."""
    height, width = pixels.shape
    facts = ImageFacts(format="png", width=width, height=height)
    radiograph = Radiograph(np.ascontiguousarray(pixels), 8, facts)
    return levels(prepare(radiograph, input_contract(settings, settings.kept)))


def input_contract(settings: InputSettings, side: int) -> InputContract:
    """How films are prepared that are to have `side` pixels a side: `settings.side` for networks, `kept` in memory."""
    return InputContract("image", side, side, crop=settings.crop)


def levels(planes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """From prepare()'s (1, 1, H, W), 0 to 1, to the grey levels 0 to 255 of (H, W)."""
    found: NDArray[np.uint8] = np.rint(planes[0, 0] * 255).clip(0, 255).astype(np.uint8)
    return found
