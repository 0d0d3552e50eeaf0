"""Stand-ins for whole chest films: phantoms, so that no test needs a person's film."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medpattern.pipeline.simulation.phantom import draw_phantom


def some_films(count: int = 3) -> list[NDArray[np.uint8]]:
    """Distinct films of 120 x 100 pixels, lungs in them, no two alike."""
    return [np.asarray(draw_phantom(np.random.default_rng(seed), 120, 100).pixels, np.uint8) for seed in range(count)]
