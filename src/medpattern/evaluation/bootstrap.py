"""95 % intervals by patient: whole patients are drawn again with replacement, never single films of one.

Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 8 and 13: clusters, percentile intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
# How many resamples are weighed at once: bounds the memory to about 50 MB for 5,000 films.
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and the ends of its 95 % interval; None where the films do not define it."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bootstrap:
    """Resamples of a set's patients, the same for every figure made with them, so that differences are paired."""

    def __init__(self, patients: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> None:
        """`patients` names the patient of each of N films."""
        _, self._patient = np.unique(np.array(list(patients), np.str_), return_inverse=True)
        self.clusters = int(self._patient.max(initial=-1)) + 1
        rng = np.random.default_rng(seed)
        picks = rng.integers(max(self.clusters, 1), size=(resamples, self.clusters))
        picks += np.arange(resamples)[:, None] * self.clusters
        counts = np.bincount(picks.ravel(), minlength=resamples * self.clusters)
        # (resamples, patients): how often each patient was drawn.
        self._drawn = counts.astype(np.float32).reshape(resamples, self.clusters)

    def sums(self, values: NDArray[Any]) -> Numbers:
        """(resamples, K): in each resample the sums of `values`, (N, K), over its films."""
        values = np.asarray(values, np.float64)
        of_patient = np.zeros((self.clusters, values.shape[1]))
        np.add.at(of_patient, self._patient, values)
        return np.asarray(self._drawn @ of_patient, np.float64)

    def ratios(self, numerator: NDArray[Any], denominator: NDArray[Any]) -> Numbers:
        """(resamples,): the sum of one (N,) over that of the other; NaN where the latter is 0."""
        above, below = self.sums(np.stack([numerator, denominator], axis=1).astype(np.float64)).T
        ratios: Numbers = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
        return ratios

    def areas(self, pneumonia: NDArray[np.bool_], score: Numbers) -> Numbers:
        """(resamples,): the area under the ROC curve; NaN where a resample lacks a class."""
        return np.concatenate([*self._areas(pneumonia, score), np.empty(0)])

    def share(self, hits: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> Figure:
        """The share of `hits` among the films `among` (all), with its interval.

        A share of none or all never varies in a resample: its interval is the exact one of as many patients.
        """
        among = np.ones(len(hits), np.bool_) if among is None else among
        total, found = int(among.sum()), int((hits & among).sum())
        if total == 0:
            return Figure(None)
        if found in (0, total):
            clusters = len(np.unique(self._patient[among]))
            return exact_share(clusters if found else 0, clusters)
        return figure(found / total, self.ratios(hits & among, among))

    def _areas(self, pneumonia: NDArray[np.bool_], score: Numbers) -> Iterator[Numbers]:
        """The Mann-Whitney statistic with weights: each pair counts as often as both its patients were drawn."""
        order = np.argsort(score, kind="stable")
        starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # one group for each distinct score
        if not len(order):
            return
        add_up = partial(np.add.reduceat, indices=starts, axis=1)
        for begin in range(0, len(self._drawn), CHUNK):
            weights = self._drawn[begin : begin + CHUNK][:, self._patient[order]].astype(np.float64)
            sick, well = add_up(weights * pneumonia[order]), add_up(weights * ~pneumonia[order])
            below = np.cumsum(well, axis=1) - well / 2  # half of those with the same score
            pairs = sick.sum(axis=1) * well.sum(axis=1)
            yield np.divide((sick * below).sum(axis=1), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def figure(value: float | None, samples: Numbers) -> Figure:
    """`value` with the percentile interval of its `samples`; resamples that do not define it (NaN) are left out."""
    defined = samples[np.isfinite(samples)]
    if value is None or not len(defined):
        return Figure(value)
    low, high = np.percentile(defined, [50 * (1 - LEVEL), 50 * (1 + LEVEL)]).tolist()
    return Figure(value, low, high)


def exact_share(hits: int, total: int) -> Figure:
    """`hits` of `total` with Clopper and Pearson's exact interval (Biometrika 26, 1934); for shares near 0 or 1."""
    if total == 0:
        return Figure(None)
    from scipy.stats import binomtest

    interval = binomtest(hits, total).proportion_ci(LEVEL, method="exact")
    return Figure(hits / total, float(interval.low), float(interval.high))
