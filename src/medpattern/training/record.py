"""The record of a training for its model's evidence: settings, time, machine, and the files that were compared."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from medpattern.evaluation.films import contract_for, load_films
from medpattern.evaluation.machine import processor
from medpattern.pipeline.images import decode, prepare
from medpattern.training.answers import contract_of
from medpattern.training.comparison import Sample, candidates
from medpattern.training.material import levels
from medpattern.training.steps import STUDENT, fold_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medpattern.training.network import Shipped
    from medpattern.training.workplace import Workplace

LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy", "scikit-learn", "opencv-python-headless", "pillow")


def training_record(
    workplace: Workplace, network: Shipped, files: Mapping[str, bytes], shipped: str, sha256: str
) -> dict[str, Any]:
    """training.json of the evidence; `network` gives what `files` (by `comparison.FORMATS`) were made from."""
    settings = workplace.settings
    more = "".join(f" --more-data {path.name}" for path in workplace.more)
    return {
        "command": f"medpattern model train runs/{settings.name} --data {workplace.data.name}{more}",
        "sha256": sha256,
        "settings": "settings.yaml",
        "seed": settings.seed,
        "folds": settings.folds,
        "films": len(workplace.material.films),
        "machine": f"{processor()}; no accelerator",
        "libraries": {name: version(name) for name in LIBRARIES},
        "phases": [_phase(workplace, name) for name in (*fold_steps(settings.folds), STUDENT)],
        "candidates": candidates(network, files, shipped, _unseen(workplace)),
    }


def _phase(workplace: Workplace, name: str) -> dict[str, Any]:
    """A network that was cut off and gone on with has rows of several beginnings: each begins at epoch 1 or later."""
    seconds, before = 0.0, 0.0
    for row in workplace.told(name):
        seconds += row["seconds"] - before if row["seconds"] >= before else row["seconds"]
        before = row["seconds"]
    return {"what": name, "seconds": round(seconds, 1)}


def _unseen(workplace: Workplace) -> Sample:
    """The films of the split val, prepared as the service does; the films trained on where there are none."""
    films = [film for film in load_films(workplace.data) if film.split == "val"] or list(workplace.material.films)
    contract = contract_of(workplace.settings)
    pictures = [levels(prepare(decode(film.read()), contract_for(film, contract))) for film in films]
    return Sample(np.stack(pictures), np.array([film.pneumonia for film in films]))
