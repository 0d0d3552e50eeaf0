"""All figures of saved scores under one model's card: what `medpattern model evaluate` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medpattern.evaluation.bootstrap import RESAMPLES, Bootstrap, Figure
from medpattern.evaluation.film import DataError
from medpattern.evaluation.metrics import auc_change, auc_figure, brier_figure, ece_figure
from medpattern.evaluation.operating import PointFigures, PredictiveValues, decide, point_figures, predictive_values
from medpattern.evaluation.scores import ScoreTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medpattern.pipeline.model import ModelCard, OperatingPoint

PREVALENCES = (0.05, 0.10, 0.25, 0.50, 0.75)
NORMAL = "normal"
# The set "val+text" is the set "val" with patients' names burned in.
TEXT = "+text"


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made: so many resamples of the patients, drawn with this seed."""

    resamples: int = RESAMPLES
    seed: int = 0

    def of(self, table: ScoreTable) -> Bootstrap:
        """The resamples of the table's patients."""
        return Bootstrap(table.patients, self.resamples, self.seed)


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One kind of pneumonia: its AUC against all normal films, its sensitivity at each operating point."""

    name: str
    films: int
    auc: Figure
    sensitivity: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class SetFigures:
    """All figures of one set. `predictive` holds, for each operating point, a row for each of PREVALENCES."""

    name: str
    films: int
    patients: int
    pneumonia: int
    refused: Figure
    auc: Figure
    ece: Figure
    brier: Figure
    points: tuple[PointFigures, ...]
    subgroups: tuple[Subgroup, ...]
    predictive: Mapping[str, tuple[PredictiveValues, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """What altering the films of a set changed: the AUC (after less before), and the share of outcomes by point."""

    before: str
    after: str
    auc: Figure
    outcomes: Mapping[str, Figure]


def chosen_points(card: ModelCard, name: str | None = None) -> tuple[OperatingPoint, ...]:
    """The operating point `name`, or all, from the most sensitive on. Raises ModelError for an unknown name."""
    if name is not None:
        return (card.operating_point(name),)
    return tuple(sorted(card.operating_points.values(), key=lambda point: (point.low, point.high)))


def set_figures(
    table: ScoreTable, card: ModelCard, points: Sequence[OperatingPoint], resampling: Resampling
) -> SetFigures:
    """The figures of a table that holds one set. Raises DataError if it holds none, or several."""
    if len(table.sets) != 1:
        raise DataError(f"figures are made of one set at a time, not of {len(table.sets)}")
    bootstrap, sick, score = resampling.of(table), table.pneumonia, table.score
    figures = tuple(point_figures(table, point, card.gate_threshold, bootstrap) for point in points)
    return SetFigures(
        name=table.sets[0],
        films=len(table),
        patients=bootstrap.clusters,
        pneumonia=int(sick.sum()),
        refused=bootstrap.share(decide(table, points[0], card.gate_threshold).refused),
        auc=auc_figure(sick, score, bootstrap),
        ece=ece_figure(sick, score, bootstrap),
        brier=brier_figure(sick, score, bootstrap),
        points=figures,
        subgroups=_subgroups(table, card, points, resampling),
        predictive={
            item.point.name: tuple(predictive_values(item, share) for share in PREVALENCES) for item in figures
        },
    )


def change(
    before: ScoreTable, after: ScoreTable, card: ModelCard, points: Sequence[OperatingPoint], resampling: Resampling
) -> Change:
    """What changed from one set to another of the same films. Raises DataError if they are not the same."""
    old, new = ({row.name: row for row in table.rows} for table in (before, after))
    if old.keys() != new.keys():
        raise DataError(f"the sets {before.sets[0]} and {after.sets[0]} are not of the same films")
    after = ScoreTable(tuple(new[row.name] for row in before.rows))
    bootstrap = resampling.of(before)
    changed = {
        point.name: decide(before, point, card.gate_threshold).outcomes
        != decide(after, point, card.gate_threshold).outcomes
        for point in points
    }
    return Change(
        before=before.sets[0],
        after=after.sets[0],
        auc=auc_change(before.pneumonia, before.score, after.score, bootstrap),
        outcomes={name: bootstrap.share(films) for name, films in changed.items()},
    )


def text_changes(
    table: ScoreTable, card: ModelCard, points: Sequence[OperatingPoint], resampling: Resampling
) -> tuple[Change, ...]:
    """The changes by burned-in text: for each set whose name with `+text` is a set too."""
    return tuple(
        change(table.of(name), table.of(name + TEXT), card, points, resampling)
        for name in table.sets
        if name + TEXT in table.sets
    )


def _subgroups(
    table: ScoreTable, card: ModelCard, points: Sequence[OperatingPoint], resampling: Resampling
) -> tuple[Subgroup, ...]:
    kinds = dict.fromkeys(row.subtype for row in sorted(table.rows, key=lambda row: row.subtype) if row.pneumonia)
    return tuple(_subgroup(table, kind, card, points, resampling) for kind in kinds)


def _subgroup(
    table: ScoreTable, kind: str, card: ModelCard, points: Sequence[OperatingPoint], resampling: Resampling
) -> Subgroup:
    """Of the films of this kind and the normal ones."""
    part = ScoreTable(tuple(row for row in table.rows if row.subtype in (kind, NORMAL)))
    bootstrap = resampling.of(part)
    return Subgroup(
        name=kind,
        films=int(part.pneumonia.sum()),
        auc=auc_figure(part.pneumonia, part.score, bootstrap),
        sensitivity={
            point.name: point_figures(part, point, card.gate_threshold, bootstrap).sensitivity for point in points
        },
    )
