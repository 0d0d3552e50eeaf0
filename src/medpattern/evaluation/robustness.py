"""How much a model's answers change when the same films come otherwise: one row of a table for each shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medpattern.evaluation.film import DataError
from medpattern.evaluation.filmfiles import eight_bits
from medpattern.evaluation.metrics import auc
from medpattern.evaluation.operating import decide
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.scoring import score_films
from medpattern.evaluation.shifts import DEMANDED, SHIFTS, Shift, chance
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medpattern.evaluation.film import Film
    from medpattern.pipeline.model import ModelCard, Predictor

    Progress = Callable[[int, int, str], None]

# The sets that a shift is compared with: the films as they are.
PLAIN, PLAIN_FULL_SIZE = "plain", "plain-full-size"

# Aims for each shift of DEMANDED: both must be less.
MOST_CHANGE = 0.05
MOST_CHANGED = 0.03


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """What one shift did to `films` films.

    `change`: mean absolute change of the score; `changed`: share of outcomes that are others at the default operating
    point; `refused`: share that the gate refuses under the shift; `plain_auc`, `auc`: as they are and under the shift,
    None with one class alone.
    """

    shift: Shift
    films: int
    change: float
    changed: float
    refused: float
    plain_auc: float | None
    auc: float | None

    @property
    def meets(self) -> bool | None:
        """Whether the aims are met; None for a shift that has none."""
        if self.shift.name not in DEMANDED:
            return None
        return self.change < MOST_CHANGE and self.changed < MOST_CHANGED

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "shift": self.shift.name, "what": self.shift.what, "films": self.films,
            "meanAbsoluteChange": self.change, "outcomesChanged": self.changed, "refused": self.refused,
            "plainAuc": self.plain_auc, "auc": self.auc, "meets": self.meets,
        }  # fmt: skip


def shifted_scores(
    predictor: Predictor,
    films: Sequence[Film],
    full_size: Sequence[Film],
    shifts: Sequence[Shift],
    progress: Progress | None = None,
) -> ScoreTable:
    """Scores of the films as they are and under each shift, one set each, through the pipeline's own decode().

    Shifts of size are tried on `full_size`, the others on `films`. `progress` is told (films done, of all, set).
    Raises DataError for a film that cannot be decoded or scored.
    """
    tasks = [*_plain(films, full_size, shifts)]
    tasks += [(shift.name, full_size if shift.full_size else films, shift) for shift in shifts]
    count = sum(len(some) for _, some, _ in tasks)
    table, done = ScoreTable(()), 0
    for name, some, shift in tasks:
        if progress is not None:
            progress(done, count, name)
        told = None if progress is None else _within(progress, done, count, name)
        table += score_films(
            predictor, some, name, read=None if shift is None else _shifted(shift), progress=told
        ).table
        done += len(some)
    return table


def _plain(
    films: Sequence[Film], full_size: Sequence[Film], shifts: Sequence[Shift]
) -> list[tuple[str, Sequence[Film], Shift | None]]:
    """What must be scored unshifted: only what a shift is compared with."""
    kinds = {shift.full_size for shift in shifts}
    both: list[tuple[str, Sequence[Film], Shift | None]] = [(PLAIN, films, None), (PLAIN_FULL_SIZE, full_size, None)]
    return [task for task, kind in zip(both, (False, True), strict=True) if kind in kinds]


def _within(progress: Progress, before: int, count: int, name: str) -> Progress:
    return lambda done, _all, _film: progress(before + done, count, name)


def _shifted(shift: Shift) -> Callable[[Film], bytes]:
    def read(film: Film) -> bytes:
        try:
            pixels = eight_bits(decode(film.read()))
        except Unprocessable as error:
            raise DataError(f"{film.name} cannot be decoded: {error}") from error
        return shift.encode(pixels, chance(shift, film.name))

    return read


def robustness_rows(table: ScoreTable, card: ModelCard) -> tuple[RobustnessRow, ...]:
    """The table's rows from saved scores, in the order of the sets. Raises DataError if a set fits no other.

    Outcomes are those at the card's default operating point, films refused by the gate among the unsure.
    """
    names = [name for name in table.sets if name not in (PLAIN, PLAIN_FULL_SIZE)]
    if unknown := [name for name in names if name not in SHIFTS]:
        raise DataError(f"the scores hold the set {unknown[0]!r}, which is no shift; there are {', '.join(SHIFTS)}")
    if not names:
        raise DataError("the scores hold no shifted films")
    return tuple(_row(SHIFTS[name], table, card) for name in names)


def _row(shift: Shift, table: ScoreTable, card: ModelCard) -> RobustnessRow:
    plain = table.of(PLAIN_FULL_SIZE if shift.full_size else PLAIN)
    shifted = table.of(shift.name)
    if [row.name for row in plain.rows] != [row.name for row in shifted.rows]:
        raise DataError(f"the set {shift.name!r} holds other films than {plain.rows[0].set!r}, or in another order")
    point, threshold = card.operating_point(), card.gate_threshold
    before, after = decide(plain, point, threshold), decide(shifted, point, threshold)
    return RobustnessRow(
        shift=shift,
        films=len(plain),
        change=float(np.abs(shifted.score - plain.score).mean()),
        changed=float((after.outcomes != before.outcomes).mean()),
        refused=float(after.refused.mean()),
        plain_auc=auc(plain.pneumonia, plain.score),
        auc=auc(shifted.pneumonia, shifted.score),
    )
