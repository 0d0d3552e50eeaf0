"""Made-up evidence for the tests of the card: a folder of files, and the documents in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medpattern.evaluation.evidence import StrangerScore, write_strangers
from medpattern.evaluation.scores import ScoreTable
from tests.evaluation.tables import drawn


def documents(sha256: str) -> dict[str, Any]:
    """The JSON files of the evidence of the model file with this digest."""
    return {
        "training.json": {
            "command": "medpattern model train runs/first --data chest_xray",
            "sha256": sha256,
            "settings": "model/pneumonia/settings.yaml",
            "seed": 7,
            "folds": 5,
            "films": 4683,
            "machine": "Example CPU, 2 cores",
            "libraries": {"torch": "2.99.0", "onnxruntime": "1.99.0"},
            "phases": [{"what": "five fold networks", "seconds": 5400}, {"what": "student", "seconds": 1800}],
            "candidates": [
                candidate("fp32", 6_400_000, 5.2, shipped=False),
                candidate("int8", 1_900_000, 2.6, shipped=True),
            ],
        },
        "latency.json": {
            "command": "medpattern model evaluate --data chest_xray --split val",
            "machine": "Example CPU, 2 cores",
            "films": 521,
            "wholeMedianMs": 4.25,
            "wholeP95Ms": 6.5,
            "networkMedianMs": 2.75,
            "networkP95Ms": 3.5,
        },
        "shortcuts.json": {
            "command": "medpattern model evaluate --data chest_xray --split val",
            "tests": [
                {"name": "no lungs", "what": "the central part black | blank", "films": 521, "most": 0.65,
                 "auc": {"value": 0.71, "low": 0.66, "high": 0.76}},
                {"name": "other background", "what": "the border of another film", "films": 521, "least": 0.95,
                 "auc": {"value": 0.97, "low": 0.95, "high": 0.99}},
            ],
        },
        "explanation.json": {
            "command": "medpattern model explain FILM -o OUT.png",
            "method": "Occlusion",
            "films": 100,
            "centralShare": {"value": 0.83, "low": 0.81, "high": 0.85},
        },
    }  # fmt: skip


def candidate(name: str, size: int, milliseconds: float, *, shipped: bool) -> dict[str, Any]:
    """One file that was compared."""
    return {
        "format": name, "bytes": size, "networkMedianMs": milliseconds, "meanAbsoluteDifference": 0.00125,
        "greatestDifference": 0.0175, "auc": 0.9911, "shipped": shipped,
    }  # fmt: skip


def evidence_folder(folder: Path, sha256: str) -> Path:
    """All files of the evidence of the model file with this digest."""
    folder.mkdir(parents=True, exist_ok=True)
    validation = drawn()
    (validation + renamed(moved(validation, 0.01), "val+text")).write(folder / "val.csv")
    out_of_fold = drawn(seed=6, films=300, set_name="oof")
    shifted = drawn(seed=7, films=90, set_name="oof+darker") + drawn(seed=8, films=90, set_name="oof+jpeg-30")
    (out_of_fold + shifted).write(folder / "oof.csv")
    plain = renamed(validation, "plain")
    robust = plain + renamed(validation, "16-bit") + renamed(moved(plain, 0.2), "rotated-left")
    robust.write(folder / "robustness.csv")
    write_strangers(folder / "strangers.csv", strangers())
    for name, document in documents(sha256).items():
        (folder / name).write_text(json.dumps(document, indent=2), "utf-8")
    return folder


def strangers() -> list[StrangerScore]:
    """A family that is refused wholly, one of two photographs that is not, a held-out one, and one of the training."""
    rng = np.random.default_rng(3)
    rows = [StrangerScore("hand", False, "evaluation", f"drawn {n}", rng.uniform(0, 0.4)) for n in range(40)]
    rows += [
        StrangerScore("photograph", False, "evaluation", f"photograph {n % 2}", 0.1 if n % 2 else 0.9)
        for n in range(20)
    ]
    rows += [StrangerScore("ultrasound", True, "evaluation", f"drawn {n}", 0.2 + 0.4 * (n == 0)) for n in range(50)]
    return [*rows, StrangerScore("hand", False, "train", "drawn train", 0.99)]


def renamed(table: ScoreTable, name: str) -> ScoreTable:
    """The same films as the set `name`."""
    return ScoreTable(tuple(replace(row, set=name) for row in table.rows))


def moved(table: ScoreTable, by: float) -> ScoreTable:
    """The same films with scores higher by `by`, at most 1."""
    return ScoreTable(tuple(replace(row, score=min(1.0, round(row.score + by, 6))) for row in table.rows))
