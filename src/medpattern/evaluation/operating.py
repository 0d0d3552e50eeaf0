"""What a service set to an operating point would have said of the films, and how often that was right.

Unsure by the band counts as pneumonia in every figure: a person looks. A film refused by the gate is wrong in every
figure, whatever it shows: in sensitivity if it is pneumonia, in specificity if it is normal, in accuracy always. So no
refusal betters a figure, and accuracy stays the mean of sensitivity and specificity weighted by the films.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.events.results import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.evaluation.bootstrap import Bootstrap, Figure
    from medpattern.evaluation.scores import ScoreTable
    from medpattern.pipeline.model import OperatingPoint

    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Of each of N films: was it refused, and if not, does the outcome count as pneumonia, is it unsure."""

    refused: Mask
    called: Mask
    unsure: Mask

    @property
    def outcomes(self) -> NDArray[np.str_]:
        """(N,): the outcome the service gives, `unsure` for what the gate refuses too."""
        decided = np.where(self.called, Outcome.PNEUMONIA.value, Outcome.NORMAL.value)
        return np.where(self.refused | self.unsure, Outcome.UNSURE.value, decided)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Films by what they show and what was said of them; refused ones apart."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int
    refused_pneumonia: int
    refused_normal: int


@dataclass(frozen=True, slots=True)
class PredictiveValues:
    """Of those called pneumonia the share who have it, of those called normal who do not, where so many have it."""

    prevalence: float
    positive: float | None
    negative: float | None


@dataclass(frozen=True, slots=True)
class PointFigures:
    """All figures at one operating point."""

    point: OperatingPoint
    confusion: Confusion
    sensitivity: Figure
    specificity: Figure
    accuracy: Figure
    unsure: Figure


def decide(table: ScoreTable, point: OperatingPoint, gate_threshold: float | None) -> Decisions:
    """What `medpattern.pipeline.model.assess` would say of films that lie within the intended use."""
    score, gate = table.score, table.gate
    # A comparison with NaN, no gate, is False: nothing is refused.
    refused = np.zeros(len(score), np.bool_) if gate_threshold is None else gate < gate_threshold
    called = score >= point.low
    return Decisions(refused, called & ~refused, called & (score < point.high) & ~refused)


def point_figures(
    table: ScoreTable, point: OperatingPoint, gate_threshold: float | None, bootstrap: Bootstrap
) -> PointFigures:
    """The figures of `table` at `point`."""
    said, sick = decide(table, point, gate_threshold), table.pneumonia
    right = np.where(sick, said.called, ~said.called) & ~said.refused
    return PointFigures(
        point=point,
        confusion=_confusion(said, sick),
        sensitivity=bootstrap.share(right, sick),
        specificity=bootstrap.share(right, ~sick),
        accuracy=bootstrap.share(right),
        unsure=bootstrap.share(said.unsure),
    )


def predictive_values(figures: PointFigures, prevalence: float) -> PredictiveValues:
    """By Bayes' theorem from sensitivity and specificity, where the share `prevalence`, 0 to 1, has pneumonia.

    A refused film counts in them as a wrong answer, so both are a little lower than what a reader meets.
    """
    sensitivity, specificity = figures.sensitivity.value, figures.specificity.value
    if sensitivity is None or specificity is None:
        return PredictiveValues(prevalence, None, None)
    sick, well = prevalence, 1 - prevalence
    called, cleared = sick * sensitivity + well * (1 - specificity), sick * (1 - sensitivity) + well * specificity
    return PredictiveValues(
        prevalence,
        sick * sensitivity / called if called else None,
        well * specificity / cleared if cleared else None,
    )


def _confusion(said: Decisions, sick: Mask) -> Confusion:
    kept = ~said.refused
    return Confusion(
        true_positive=int((sick & said.called).sum()),
        false_negative=int((sick & kept & ~said.called).sum()),
        false_positive=int((~sick & said.called).sum()),
        true_negative=int((~sick & kept & ~said.called).sum()),
        refused_pneumonia=int((sick & said.refused).sum()),
        refused_normal=int((~sick & said.refused).sum()),
    )
