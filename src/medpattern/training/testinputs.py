"""Eight generated pictures that go into a model's card with its scores: no film of a person leaves the data set."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from medpattern.evaluation.strangers import strangers
from medpattern.pipeline.images import decode, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from medpattern.pipeline.images import InputContract

# Drawn chests make scores of all sizes; the others show that the gate still refuses.
PICTURES = {"phantom": 5, "hand": 1, "page": 1, "blank": 1}
SIDE = 96
SEED = 8
DECIMALS = 4
# What processors may differ by; the issue's own bound for a score on another one.
TOLERANCE = 0.01


def pictures() -> Mapping[str, bytes]:
    """PNG files by name, SIDE pixels a side; the same each time."""
    found = {}
    for family, number in PICTURES.items():
        for index, stranger in enumerate(strangers("evaluation", [family], number, SEED)):
            found[f"{family}-{index + 1}"] = _png(stranger.pixels)
    return found


def test_inputs(session: InferenceSession, contract: InputContract) -> list[dict[str, Any]]:
    """The card's `testInputs`: each picture with the score and gate that `session` gives, and TOLERANCE."""
    inputs = []
    for name, image in pictures().items():
        score, gate = session.run(["score", "gate"], {contract.name: prepare(decode(image), contract)})
        inputs.append({
            "name": name, "image": b64encode(image).decode(), "score": round(score.item(), DECIMALS),
            "gate": round(gate.item(), DECIMALS), "tolerance": TOLERANCE,
        })  # fmt: skip
    return inputs


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()
