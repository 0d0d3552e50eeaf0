"""Score tables made for the tests."""

from __future__ import annotations

import numpy as np

from medpattern.evaluation.film import Subtype
from medpattern.evaluation.scores import ScoreRow, ScoreTable


def row(name: str, subtype: Subtype, score: float, gate: float | None = 0.9, **other: str) -> ScoreRow:
    """A film, its own patient in the set `val` unless `other` says otherwise."""
    return ScoreRow(
        other.get("set", "val"), name, other.get("patient", name), subtype, subtype != "normal", score, gate
    )


def drawn(films: int = 200, seed: int = 5, set_name: str = "val") -> ScoreTable:
    """Films of half as many patients, each of one class, scores that overlap, some alike; a few below the gate."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(films):
        patient = number // 2
        kind: Subtype = ("normal", "bacteria", "virus")[patient % 3]
        score = round(float(np.clip(rng.normal(0.35 if kind == "normal" else 0.65, 0.2), 0, 1)), 2)
        gate = round(float(rng.uniform(0.4, 1)), 6)
        rows.append(row(f"film-{number}", kind, score, gate, patient=f"patient-{patient}", set=set_name))
    return ScoreTable(tuple(rows))
