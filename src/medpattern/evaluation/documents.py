"""Figures as JSON for programs; shares from 0 to 1, nothing rounded."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from medpattern.evaluation.bootstrap import LEVEL

if TYPE_CHECKING:
    from medpattern.evaluation.bootstrap import Figure
    from medpattern.evaluation.evaluating import Change, Resampling, SetFigures
    from medpattern.evaluation.operating import PointFigures
    from medpattern.evaluation.scoring import Latency


def set_document(figures: SetFigures) -> dict[str, Any]:
    """One set."""
    return {
        "set": figures.name,
        "films": figures.films,
        "patients": figures.patients,
        "pneumonia": figures.pneumonia,
        "normal": figures.films - figures.pneumonia,
        "refused": figure_document(figures.refused),
        "auc": figure_document(figures.auc),
        "ece": figure_document(figures.ece),
        "brier": figure_document(figures.brier),
        "operatingPoints": {point.point.name: _point(point, figures) for point in figures.points},
        "subgroups": {
            group.name: {
                "films": group.films,
                "auc": figure_document(group.auc),
                "sensitivity": {name: figure_document(share) for name, share in group.sensitivity.items()},
            }
            for group in figures.subgroups
        },
    }


def change_document(change: Change) -> dict[str, Any]:
    """What burned-in text changed."""
    return {
        "before": change.before,
        "after": change.after,
        "auc": figure_document(change.auc),
        "outcomes": {name: figure_document(share) for name, share in change.outcomes.items()},
    }


def resampling_document(resampling: Resampling) -> dict[str, Any]:
    """How the intervals were made."""
    return {"level": LEVEL, "by": "patient", "resamples": resampling.resamples, "seed": resampling.seed}


def latency_document(latency: Latency) -> dict[str, Any]:
    """Milliseconds on one thread of this machine."""
    return {
        "wholeMedianMs": latency.whole_median,
        "wholeP95Ms": latency.whole_p95,
        "networkMedianMs": latency.network_median,
        "networkP95Ms": latency.network_p95,
    }


def figure_document(figure: Figure) -> dict[str, float | None]:
    """A figure and the ends of its interval."""
    return asdict(figure)


def _point(point: PointFigures, figures: SetFigures) -> dict[str, Any]:
    found = point.confusion
    return {
        "low": point.point.low,
        "high": point.point.high,
        "sensitivity": figure_document(point.sensitivity),
        "specificity": figure_document(point.specificity),
        "accuracy": figure_document(point.accuracy),
        "unsure": figure_document(point.unsure),
        "confusion": {
            "truePositive": found.true_positive,
            "falseNegative": found.false_negative,
            "refusedPneumonia": found.refused_pneumonia,
            "falsePositive": found.false_positive,
            "trueNegative": found.true_negative,
            "refusedNormal": found.refused_normal,
        },
        "predictiveValues": [asdict(values) for values in figures.predictive[point.point.name]],
    }
