"""What a model file says of itself: one JSON document in its ONNX metadata, under the key `medpattern`.

Service, evaluation and the printed card read it from there, so that they cannot disagree. `card.schema.json`
beside this module is the format's definition; what a schema cannot say is checked below it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.images.prepare import InputContract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METADATA_KEY = "medpattern"
# What the shares of a reference may miss 1 by, since a card may round them.
MOST_ROUNDING = 0.01


class ModelError(Unavailable):
    """The model file cannot serve: damaged, another one than asked for, or its card is wrong."""

    def __init__(self, detail: str) -> None:
        super().__init__("model", detail)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Below `low` normal, from `high` on pneumonia, between them unsure; on the calibrated score, 0 to 1."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class IntendedUse:
    """What the model was made for; an empty tuple, or no ages, limits nothing.

    Ages are completed years: (1, 5) holds a child until its sixth birthday.
    """

    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    age_years: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Names of the graph's outputs: the calibrated score, and where there is one the gate, both 0 to 1."""

    score: str
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class TestInput:
    """A picture (PNG bytes) with the score, and the gate's answer, that any healthy machine gives for it."""

    __test__ = False  # for pytest: no test class

    name: str
    image: bytes
    score: float
    gate: float | None
    tolerance: float


@dataclass(frozen=True, slots=True)
class Reference:
    """How a statistic was spread over the training films: `shares[i]` of them lay from edges[i] to edges[i+1]."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that the pipeline knows of a model; see docs/images.md for the input and model/README.md for the file."""

    name: str
    version: str
    stand_in: bool
    statement: str
    input: InputContract
    outputs: Outputs
    operating_points: Mapping[str, OperatingPoint]
    default_operating_point: str
    gate_threshold: float | None
    training_prevalence: float
    intended_use: IntendedUse
    test_inputs: tuple[TestInput, ...]
    calibration: Mapping[str, Any]
    training_data_digest: str | None
    code_revision: str
    reference: Mapping[str, Reference]

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The operating point `name`, or the default one. Raises ModelError for an unknown name."""
        name = name or self.default_operating_point
        if name not in self.operating_points:
            known = ", ".join(sorted(self.operating_points))
            raise ModelError(f"the model has no operating point {name!r}; it has {known}")
        return self.operating_points[name]


def parse_card(text: str) -> ModelCard:
    """The card in the JSON document `text`. Raises ModelError that lists every fault with its place."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ModelError(f"the card in the model's metadata is no JSON: {error}") from None
    faults = [*_schema_faults(document)] or [*_faults(document)]
    if faults:
        raise ModelError("the card in the model's metadata is wrong: " + "; ".join(faults))
    return _card(document)


@cache
def card_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a card."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath("card.schema.json").read_text("utf-8"))
    return schema


def _schema_faults(document: object) -> Iterator[str]:
    from jsonschema_rs import Draft202012Validator

    for error in Draft202012Validator(card_schema()).iter_errors(document):
        yield f"{'.'.join(str(part) for part in error.instance_path) or 'card'}: {error.message}"


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say."""
    points = document["operatingPoints"]
    for name, point in points.items():
        if point["low"] > point["high"]:
            yield f"operatingPoints.{name}: low {point['low']} lies above high {point['high']}"
    if document["defaultOperatingPoint"] not in points:
        yield f"defaultOperatingPoint: there is no operating point {document['defaultOperatingPoint']!r}"
    channels = document["input"]["channels"]
    for key in ("mean", "std"):
        if len(document["input"]["scaling"][key]) != channels:
            yield f"input.scaling.{key}: needs one number for each of {channels} channel(s)"
    if ("gate" in document["outputs"]) != ("gate" in document):
        yield "gate: an output and a threshold belong together; only one of them is there"
    for name, reference in document.get("reference", {}).items():
        if len(reference["edges"]) != len(reference["shares"]) + 1:
            yield f"reference.{name}: needs one edge more than shares"
        if any(low >= high for low, high in pairwise(reference["edges"])):
            yield f"reference.{name}: edges must rise"
        if abs(sum(reference["shares"]) - 1) > MOST_ROUNDING:
            yield f"reference.{name}: shares must be 1 in sum"
    for index, test in enumerate(document["testInputs"]):
        try:
            b64decode(test["image"], validate=True)
        except Base64Error:
            yield f"testInputs.{index}.image: no base64"


def _card(document: Mapping[str, Any]) -> ModelCard:
    return ModelCard(
        name=document["name"],
        version=document["version"],
        stand_in=document["standIn"],
        statement=document["statement"],
        input=_contract(document["input"]),
        outputs=Outputs(document["outputs"]["score"], document["outputs"].get("gate")),
        operating_points={
            name: OperatingPoint(name, float(point["low"]), float(point["high"]))
            for name, point in document["operatingPoints"].items()
        },
        default_operating_point=document["defaultOperatingPoint"],
        gate_threshold=document["gate"]["threshold"] if "gate" in document else None,
        training_prevalence=document["trainingPrevalence"],
        intended_use=_intended_use(document["intendedUse"]),
        test_inputs=tuple(_test_input(test) for test in document["testInputs"]),
        calibration=document.get("calibration", {}),
        training_data_digest=document["trainingDataDigest"],
        code_revision=document["codeRevision"],
        reference={
            name: Reference(tuple(map(float, item["edges"])), tuple(map(float, item["shares"])))
            for name, item in document.get("reference", {}).items()
        },
    )


def _contract(document: Mapping[str, Any]) -> InputContract:
    return InputContract(
        name=document["name"],
        height=document["height"],
        width=document["width"],
        channels=document["channels"],
        resize=document["resize"],
        crop=float(document["crop"]),
        mean=tuple(map(float, document["scaling"]["mean"])),
        std=tuple(map(float, document["scaling"]["std"])),
    )


def _intended_use(document: Mapping[str, Any]) -> IntendedUse:
    ages = document.get("ageYears")
    return IntendedUse(
        modalities=tuple(document.get("modalities", ())),
        body_parts=tuple(document.get("bodyParts", ())),
        views=tuple(document.get("views", ())),
        age_years=(float(ages[0]), float(ages[1])) if ages else None,
    )


def _test_input(document: Mapping[str, Any]) -> TestInput:
    gate = document.get("gate")
    return TestInput(
        document["name"],
        b64decode(document["image"]),
        float(document["score"]),
        None if gate is None else float(gate),
        float(document["tolerance"]),
    )
