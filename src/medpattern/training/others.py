"""Strangers as they lie in memory: what a gate learns to tell from films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.filmfiles import eight_bits
from medpattern.evaluation.strangers import strangers, trained
from medpattern.pipeline.images import decode
from medpattern.training.material import picture_in_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medpattern.evaluation.films import Film
    from medpattern.training.settings import Settings

# Families made from films draw from so many of them, spread over the whole set.
SOURCES = 600


def others(films: Sequence[Film], settings: Settings) -> NDArray[np.uint8]:
    """(families * settings.gate.strangers, kept, kept): pictures of every family that may be trained on."""
    return np.stack(
        [
            picture_in_memory(stranger.pixels, settings.input)
            for stranger in strangers(
                "train",
                trained(),
                settings.gate.strangers,
                settings.seed,
                whole_films(films[:: -(-len(films) // SOURCES)]),
            )
        ]
    )


def whole_films(films: Sequence[Film]) -> list[NDArray[np.uint8]]:
    """(height, width) each: films as they are read, 8 bits."""
    return [eight_bits(decode(film.read())) for film in films]
