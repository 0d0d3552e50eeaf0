"""How well scores rank films, and how far they can be read as probabilities.

All films count, whether or not the gate refuses them: these figures are of the score, before any decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.bootstrap import Bootstrap, Figure, figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.bool_]
    Numbers = NDArray[np.float64]

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Films with scores from `low` to `high`: their mean score, and the share of them with pneumonia."""

    low: float
    high: float
    films: int
    mean_score: float
    share: float


def auc(pneumonia: Labels, score: Numbers) -> float | None:
    """The area under the ROC curve; None unless both classes are there."""
    if pneumonia.all() or not pneumonia.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(pneumonia, score))


def auc_figure(pneumonia: Labels, score: Numbers, bootstrap: Bootstrap) -> Figure:
    """The AUC with its interval."""
    return figure(auc(pneumonia, score), bootstrap.areas(pneumonia, score))


def auc_change(pneumonia: Labels, score: Numbers, other: Numbers, bootstrap: Bootstrap) -> Figure:
    """By how much the AUC of `other`, scores of the same films, lies above that of `score`; paired interval."""
    after, before = auc(pneumonia, other), auc(pneumonia, score)
    if after is None or before is None:
        return Figure(None)
    return figure(after - before, bootstrap.areas(pneumonia, other) - bootstrap.areas(pneumonia, score))


def brier(pneumonia: Labels, score: Numbers) -> float | None:
    """The mean squared distance of score and label (Brier 1950): 0 is perfect; None without films."""
    return float(np.mean((score - pneumonia) ** 2)) if len(score) else None


def brier_figure(pneumonia: Labels, score: Numbers, bootstrap: Bootstrap) -> Figure:
    """The Brier score with its interval."""
    samples = bootstrap.ratios((score - pneumonia) ** 2, np.ones(len(score)))
    return figure(brier(pneumonia, score), samples)


def ece(pneumonia: Labels, score: Numbers, bins: int = BINS) -> float | None:
    """The expected calibration error of the score as it is, no prior corrected; None without films.

    Over `bins` equal widths from 0 to 1, the distance of mean score and share of pneumonia, weighted by films:
    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (ICML 2017), equation 5 with their 15 bins,
    here on the probability of pneumonia, as Naeini, Cooper, Hauskrecht (AAAI 2015) define it for two classes.
    """
    if not len(score):
        return None
    return float(np.abs(_gaps(pneumonia, score, bins).sum(axis=0)).sum() / len(score))


def ece_figure(pneumonia: Labels, score: Numbers, bootstrap: Bootstrap, bins: int = BINS) -> Figure:
    """The expected calibration error with its interval.

    Each resample adds its own noise to each bin, so that the interval lies high; for a small error above it.
    """
    gaps = np.abs(bootstrap.sums(_gaps(pneumonia, score, bins))).sum(axis=1)
    films = bootstrap.sums(np.ones((len(score), 1)))[:, 0]
    return figure(ece(pneumonia, score, bins), gaps / np.maximum(films, 1))


def reliability(pneumonia: Labels, score: Numbers, bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of a reliability diagram, empty ones left out."""
    index = _bin(score, bins)
    return tuple(
        Bin(
            number / bins,
            (number + 1) / bins,
            int(inside.sum()),
            float(score[inside].mean()),
            float(pneumonia[inside].mean()),
        )
        for number in range(bins)
        if (inside := index == number).any()
    )


def _bin(score: Numbers, bins: int) -> NDArray[np.intp]:
    """Which bin each score lies in; 1.0 in the last."""
    return np.minimum((score * bins).astype(np.intp), bins - 1)


def _gaps(pneumonia: Labels, score: Numbers, bins: int) -> Numbers:
    """(N, bins): label less score, in the column of the film's bin."""
    gaps = np.zeros((len(score), bins))
    gaps[np.arange(len(score)), _bin(score, bins)] = pneumonia - score
    return gaps
