"""From logits of films out of the fold to a calibrated score and the thresholds on it; fixed before any test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from medpattern.training.settings import PointSettings

# Both classes count alike in the fit: the score is the probability where half of the films show pneumonia.
PREVALENCE = 0.5
# As thresholds are written into the card.
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope * logit + offset))), Platt's (1999)."""

    slope: float
    offset: float

    def __call__(self, logit: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores, 0 to 1, of logits."""
        return probability(self.line(logit))

    def line(self, logit: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated logits of logits."""
        return self.slope * logit.astype(np.float64) + self.offset


def probability(logit: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), 0 to 1."""
    found: NDArray[np.float64] = 1 / (1 + np.exp(-logit.astype(np.float64)))
    return found


def calibrated(logit: NDArray[np.float32], pneumonia: NDArray[np.bool_]) -> Calibration:
    """The calibration that fits these films best, classes evenly (PREVALENCE)."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=np.inf, class_weight="balanced").fit(logit[:, None].astype(np.float64), pneumonia)
    return Calibration(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def aligned(logit: NDArray[np.float32], calibrated_logit: NDArray[np.float64]) -> Calibration:
    """The calibration that gives logits of one network the spread of calibrated logits of others on the same pictures.

    The straight line through their percentiles, 1 to 99: thresholds on the others' scores then divide this network's
    films alike. A student says the same in a quieter voice than its teachers.
    """
    percent = np.arange(1, 100)
    slope, offset = np.polyfit(np.percentile(logit, percent), np.percentile(calibrated_logit, percent), 1)
    return Calibration(float(slope), float(offset))


def operating_points(
    score: NDArray[np.float64], pneumonia: NDArray[np.bool_], settings: PointSettings
) -> Mapping[str, Mapping[str, float]]:
    """Thresholds `low` and `high` by operating point: the highest that keep the sensitivities of `settings`."""
    sick = score[pneumonia]
    wanted = {"screening": settings.screening, "balanced": settings.balanced, "specific": settings.specific}
    return {
        name: {"low": _threshold(sick, pair[0]), "high": _threshold(sick, pair[-1])} for name, pair in wanted.items()
    }


def gate_threshold(gate: NDArray[np.float32], refused_most: float) -> float:
    """The gate's threshold, 0 to 1, below which lie at most `refused_most` of these films."""
    return _floored(float(np.quantile(probability(gate), refused_most, method="lower")))


def _threshold(sick: NDArray[np.float64], sensitivity: float) -> float:
    return _floored(float(np.quantile(sick, 1 - sensitivity, method="lower")))


def _floored(value: float) -> float:
    """Rounded down, so that the film that set the threshold stays above it."""
    return float(np.floor(value * 10**DECIMALS) / 10**DECIMALS)
