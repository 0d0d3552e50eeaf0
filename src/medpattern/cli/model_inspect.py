"""`medpattern model inspect`: what a model file says of itself, and whether this machine computes as it expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from medpattern.cli import console
from medpattern.cli.model_options import ModelArgument, model_file, open_model
from medpattern.cli.options import Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medpattern.pipeline.model import ModelCard, Predictor


def inspect(model: ModelArgument = None, output: OutputOption = Output.TEXT) -> None:
    """Prints the card of a model file: input, operating points, gate, intended use, calibration, where it comes from.

    Scores the file's test inputs as the service does before it is ready; exit code 1 if this machine does not
    reproduce them.

    Example: medpattern model inspect model/pneumonia/model.onnx
    """
    predictor = open_model(model)
    fault = _fault(predictor)
    size = model_file(model).stat().st_size
    document = _document(predictor, size, fault)
    if output is Output.JSON:
        console.data_json(document)
    else:
        for label, text in _lines(predictor.card, document):
            console.data(f"{label:18}{text}".rstrip())
    if fault:
        raise typer.Exit(1)


def _fault(predictor: Predictor) -> str:
    """What the test inputs show to be wrong; empty if nothing."""
    from medpattern.pipeline.model import ModelError

    try:
        predictor.warm_up()
    except ModelError as error:
        return error.detail.removeprefix("warm-up: ")
    return ""


def _document(predictor: Predictor, size: int, fault: str) -> dict[str, Any]:
    """The card, with what only the file and this machine can say; no pictures of the test inputs."""
    card = predictor.card
    use = card.intended_use
    return {
        "name": card.name,
        "version": card.version,
        "standIn": card.stand_in,
        "statement": card.statement,
        "sha256": predictor.sha256,
        "bytes": size,
        "input": _input(card),
        "operatingPoints": {
            name: {"low": point.low, "high": point.high} for name, point in card.operating_points.items()
        },
        "defaultOperatingPoint": card.default_operating_point,
        "gateThreshold": card.gate_threshold,
        "trainingPrevalence": card.training_prevalence,
        "calibration": dict(card.calibration),
        "intendedUse": {
            "modalities": list(use.modalities),
            "bodyParts": list(use.body_parts),
            "views": list(use.views),
            "ageYears": None if use.age_years is None else list(use.age_years),
        },
        "trainingDataDigest": card.training_data_digest,
        "codeRevision": card.code_revision,
        "reference": sorted(card.reference),
        "testInputs": [
            {"name": test.name, "score": test.score, "gate": test.gate, "tolerance": test.tolerance}
            for test in card.test_inputs
        ],
        "reproduced": not fault,
        "fault": fault or None,
    }


def _input(card: ModelCard) -> dict[str, Any]:
    contract = card.input
    return {
        "name": contract.name, "height": contract.height, "width": contract.width, "channels": contract.channels,
        "resize": contract.resize, "crop": contract.crop, "mean": list(contract.mean), "std": list(contract.std),
    }  # fmt: skip


def _lines(card: ModelCard, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "model", f"{card.name} {card.version}" + (", a stand-in" if card.stand_in else "")
    yield "statement", card.statement
    yield "sha256", document["sha256"]
    yield "size", f"{document['bytes']:,} bytes"
    yield "input", _input_words(card)
    for name, point in sorted(card.operating_points.items(), key=lambda item: item[1].high):
        default = ", the default" if name == card.default_operating_point else ""
        yield name, f"normal below {point.low:g}, pneumonia from {point.high:g}{default}"
    gate = card.gate_threshold
    yield "gate", "none" if gate is None else f"refuses below {gate:g}"
    yield "intended use", _use_words(card)
    yield "calibration", _calibration_words(card)
    yield "training data", card.training_data_digest or "none"
    yield "code revision", card.code_revision
    yield "drift reference", ", ".join(document["reference"]) or "none"
    number = console.number(len(card.test_inputs), "test input")
    yield "this machine", document["fault"] or f"reproduces {number}"


def _input_words(card: ModelCard) -> str:
    contract = card.input
    planes = "grey" if contract.channels == 1 else f"{contract.channels} channels"
    scaling = f"mean {', '.join(f'{x:g}' for x in contract.mean)}, std {', '.join(f'{x:g}' for x in contract.std)}"
    return (
        f"{contract.width} x {contract.height}, {planes}, {contract.crop:.0%} of each border cropped, "
        f"{contract.resize} filter, {scaling}"
    )


def _use_words(card: ModelCard) -> str:
    use = card.intended_use
    parts = [" or ".join(codes) for codes in (use.body_parts, use.views, use.modalities) if codes]
    if use.age_years is not None:
        parts.append(f"{use.age_years[0]:g} to {use.age_years[1]:g} completed years")
    return ", ".join(parts) or "not limited"


def _calibration_words(card: ModelCard) -> str:
    told = ", ".join(f"{key} {value}" for key, value in card.calibration.items()) or "none"
    return f"{told}; for a prevalence of {card.training_prevalence:.1%}"
