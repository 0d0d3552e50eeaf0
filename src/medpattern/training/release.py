"""From a finished training to the file that ships, and to the scores that its card is written from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from medpattern.evaluation.film import contract_for, data_digest
from medpattern.evaluation.scores import ScoreRow, ScoreTable, rounded
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model.statistics import reference, statistics
from medpattern.training import export
from medpattern.training.answers import CLEAN, contract_of
from medpattern.training.network import Shipped
from medpattern.training.points import (
    PREVALENCE,
    aligned,
    calibrated,
    gate_threshold,
    operating_points,
    probability,
)
from medpattern.training.record import training_record
from medpattern.training.steps import GATE, STUDENT, student_answers
from medpattern.training.testinputs import test_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto

    from medpattern.evaluation.film import Film
    from medpattern.pipeline.model.card import Reference
    from medpattern.training.answers import Answers
    from medpattern.training.points import Calibration
    from medpattern.training.workplace import Workplace

STATEMENT = (
    "Scores frontal chest films of children aged 1 to 5 for pneumonia. Trained on films of one hospital; not validated "
    "anywhere else, and not for diagnosis: a person reads every film."
)
CALIBRATION = (
    "Platt, on out-of-fold films as they are and shifted, classes evenly; the shipped network was taught those scores, "
    "and its logits are given the spread of theirs: score = 1 / (1 + exp(-(slope * logit + offset)))"
)
# Films whose ranges the whole numbers are fitted to.
RANGES = 256
BINS = 10


@dataclass(frozen=True, slots=True)
class Release:
    """The file that ships, what the fold networks said as calibrated scores, and training.json of the evidence."""

    model: bytes
    out_of_fold: ScoreTable
    record: dict[str, Any]

    @property
    def sha256(self) -> str:
        """The file's digest, hexadecimal."""
        return sha256(self.model).hexdigest()


def release(workplace: Workplace, said: Answers, revision: str, chosen: str = "int8") -> Release:
    """The release of a finished training; `revision` is that of the code, as git names it.

    Both formats of `comparison.FORMATS` are made and compared; the `chosen` one ships.
    """
    pneumonia = workplace.material.pneumonia[said.film]
    calibration = calibrated(said.score, pneumonia)
    scores = calibration(said.score)
    alignment = aligned(student_answers(workplace).score, calibration.line(said.score))
    card = _card(workplace, alignment, revision) | {
        "operatingPoints": operating_points(scores, pneumonia, workplace.settings.points),
        "gate": {"threshold": gate_threshold(said.gate, workplace.settings.gate.refused_most)},
        "reference": _references(workplace, said, scores),
    }
    network = Shipped(workplace.classifier(STUDENT), workplace.gate(GATE), alignment.slope, alignment.offset)
    floating = export.graph(network, workplace.settings.input.side)
    small = export.quantised(floating, _ranges(workplace))
    table = _table(workplace.material.films, said, scores)
    files = {"fp32": _file(workplace, floating, card), "int8": _file(workplace, small, card)}
    digest = sha256(files[chosen]).hexdigest()
    return Release(files[chosen], table, training_record(workplace, network, files, chosen, digest))


def _table(films: Sequence[Film], said: Answers, scores: NDArray[np.float64]) -> ScoreTable:
    rows = []
    for name, place, score, gate in zip(said.set, said.film, scores, probability(said.gate), strict=True):
        film = films[place]
        numbers = rounded(float(score)), rounded(float(gate))
        rows.append(ScoreRow(str(name), film.name, film.patient, film.subtype, film.pneumonia, *numbers))
    return ScoreTable(tuple(rows))


def _card(workplace: Workplace, calibration: Calibration, revision: str) -> dict[str, Any]:
    settings = workplace.settings
    contract = contract_of(settings)
    return {
        "schema": "medpattern.io/model-card/1",
        "name": settings.name,
        "version": settings.version,
        "standIn": False,
        "statement": STATEMENT,
        "input": {
            "name": contract.name, "height": contract.height, "width": contract.width, "channels": contract.channels,
            "resize": contract.resize, "crop": contract.crop,
            "scaling": {"mean": list(contract.mean), "std": list(contract.std)},
        },
        "outputs": {"score": "score", "gate": "gate"},
        "defaultOperatingPoint": "balanced",
        "trainingPrevalence": PREVALENCE,
        "calibration": {
            "method": CALIBRATION,
            "slope": round(calibration.slope, 6), "offset": round(calibration.offset, 6),
        },
        "intendedUse": {
            "modalities": ["CR", "DX"], "bodyParts": ["CHEST", "THORAX"], "views": ["AP", "PA"], "ageYears": [1, 5],
        },
        "testInputs": [],
        "trainingDataDigest": data_digest(workplace.material.films),
        "codeRevision": revision,
    }  # fmt: skip


def _references(workplace: Workplace, said: Answers, scores: NDArray[np.float64]) -> dict[str, dict[str, list[float]]]:
    """How training films are spread, for the drift metrics: of their prepared input, and of out-of-fold answers."""
    contract = contract_of(workplace.settings)
    rows = [statistics(prepare(decode(film.read()), contract_for(film, contract))) for film in workplace.material.films]
    spread = {name: reference([row[name] for row in rows], BINS) for name in rows[0]}
    clean = said.set == CLEAN
    spread |= {"score": reference(scores[clean], BINS), "gate": reference(probability(said.gate)[clean], BINS)}
    return {name: _rounded(one) for name, one in spread.items()}


def _rounded(spread: Reference) -> dict[str, list[float]]:
    return {"edges": [round(edge, 6) for edge in spread.edges], "shares": [round(share, 6) for share in spread.shares]}


def _ranges(workplace: Workplace) -> NDArray[np.uint8]:
    """(RANGES, side, side): views that the student learned from, as many of each class."""
    with np.load(workplace.path("lessons.npz"), allow_pickle=False) as file:
        views: NDArray[np.uint8] = file["views"]
    return views[:: max(1, len(views) // RANGES)][:RANGES]


def _file(workplace: Workplace, model: ModelProto, card: Mapping[str, Any]) -> bytes:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = test_inputs(session, contract_of(workplace.settings))
    return export.finished(model, {**card, "testInputs": inputs})
