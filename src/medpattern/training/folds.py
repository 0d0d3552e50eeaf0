"""Which films a fold network never sees: grouped by patient, even in kinds of films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medpattern.evaluation.films import Film


def folds(films: Sequence[Film], number: int, seed: int) -> NDArray[np.intp]:
    """(len(films),): the fold, 0 to `number` - 1, in which each film is held out."""
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.zeros(len(films), np.intp)
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed % 2**32)
    kinds = [film.subtype for film in films]
    for fold, (_seen, held) in enumerate(splitter.split(kinds, kinds, [film.patient for film in films])):
        found[held] = fold
    return found
