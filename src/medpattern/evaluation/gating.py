"""How many strangers the gate refuses: a row for each family, and one for all that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.bootstrap import Bootstrap, Figure
from medpattern.evaluation.evidence import EVALUATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medpattern.evaluation.evaluating import Resampling
    from medpattern.evaluation.evidence import StrangerScore

# How the sources of pictures begin that were made from a seed alone (strangers/catalogue.py).
DRAWN = "drawn "

# Aims: films refused out of the fold, strangers refused.
MOST_FILMS = 0.02
LEAST_STRANGERS = 0.98


@dataclass(frozen=True, slots=True)
class FamilyRefused:
    """Share of pictures refused, its interval by source: pictures of one photograph or film are drawn together."""

    name: str
    pictures: int
    sources: int
    refused: Figure


@dataclass(frozen=True, slots=True)
class Refusals:
    """All families of one kind, held out or not, and all their pictures together."""

    families: tuple[FamilyRefused, ...]
    together: FamilyRefused


def refusals(
    rows: Sequence[StrangerScore], threshold: float, resampling: Resampling, *, held_out: bool
) -> Refusals | None:
    """What the gate refuses of the pictures kept for evaluation; None if there are none of the kind."""
    wanted = [row for row in rows if row.part == EVALUATION and row.held_out == held_out]
    if not wanted:
        return None
    names = dict.fromkeys(row.family for row in wanted)
    families = [_family(name, [row for row in wanted if row.family == name], threshold, resampling) for name in names]
    return Refusals(tuple(families), _family("all of them", wanted, threshold, resampling))


def _family(name: str, rows: Sequence[StrangerScore], threshold: float, resampling: Resampling) -> FamilyRefused:
    refused = np.array([row.gate < threshold for row in rows], np.bool_)
    bootstrap = Bootstrap([_source(row) for row in rows], resampling.resamples, resampling.seed)
    return FamilyRefused(name, len(rows), bootstrap.clusters, bootstrap.share(refused))


def _source(row: StrangerScore) -> str:
    """A photograph or film that two families were made of is one source; what is drawn belongs to its family."""
    return f"{row.family} {row.source}" if row.source.startswith(DRAWN) else row.source
