"""Tiny models for the tests: the score is the mean of the prepared input, the gate that of its upper half."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.pipeline.images.films import raster

HEIGHT, WIDTH = 16, 24


def grey(value: int) -> str:
    """A flat PNG, base64."""
    return b64encode(raster(np.full((32, 48), value, np.uint8), "PNG")).decode()


def card_document(**changes: Any) -> dict[str, Any]:
    """A valid card for `model_file`."""
    return {
        "schema": "medpattern.io/model-card/1",
        "name": "tiny",
        "version": "1.2.0",
        "standIn": False,
        "statement": "For tests.",
        "input": {
            "name": "image", "height": HEIGHT, "width": WIDTH, "channels": 1, "resize": "bilinear", "crop": 0.1,
            "scaling": {"mean": [0.0], "std": [1.0]},
        },
        "outputs": {"score": "score", "gate": "gate"},
        "operatingPoints": {
            "screening": {"low": 0.1, "high": 0.2},
            "balanced": {"low": 0.4, "high": 0.6},
            "specific": {"low": 0.7, "high": 0.7},
        },
        "defaultOperatingPoint": "balanced",
        "gate": {"threshold": 0.5},
        "trainingPrevalence": 0.5,
        "calibration": {"method": "none"},
        "intendedUse": {"modalities": ["CR", "DX"], "bodyParts": ["CHEST"], "views": ["AP", "PA"], "ageYears": [1, 5]},
        "testInputs": [
            {"name": "dark", "image": grey(51), "score": 0.2, "gate": 0.2, "tolerance": 0.001},
            {"name": "bright", "image": grey(204), "score": 0.8, "tolerance": 0.001},
        ],
        "trainingDataDigest": None,
        "codeRevision": "0123abc",
        "reference": {"score": {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]}},
        **changes,
    }  # fmt: skip


def network(*, batch: str | int = "N", reciprocal: bool = False) -> ModelProto:
    """With `reciprocal` the score is 1 over the mean: not finite for a black image."""
    means = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Slice", ["image", "start", "end", "axis"], ["upper"]),
        helper.make_node("ReduceMean", ["upper"], ["gate"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reciprocal" if reciprocal else "Identity", ["mean"], ["score"]),
    ]
    numbers = {"start": [0], "end": [HEIGHT // 2], "axis": [2]}
    graph = helper.make_graph(
        means,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch]) for name in ("score", "gate")],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def model_file(path: Path, *, card: Any = None, key: str = "medpattern", **options: Any) -> Path:
    """Write a tiny model; `card` is a document, text, or None for the usual one."""
    model = network(**options)
    text = card if isinstance(card, str) else json.dumps(card_document() if card is None else card)
    helper.set_model_props(model, {key: text})
    path.write_bytes(model.SerializeToString())
    return path
