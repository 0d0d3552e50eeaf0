"""Writes the stand-in model: a few sums over zones of the lungs, drawn up by hand, trained on nothing.

It keeps the contract of a trained model (one ONNX file, its card in the metadata, score and gate), and answers to the
simulator's drawn films and to nothing else: its gate lets them pass and all three outcomes occur, which tests of the
pipeline need and no good model grants. It ships nowhere; `STAND_IN` is its place.

    python -m tests.pipeline.model.stand_in [FOLDER]     writes FOLDER/model.onnx and prints its sha256

The same source gives the same bytes: the graph's versions are pinned, weights are a few sums of numbers written here,
expected scores are rounded, and the test inputs' PNG is written here, uncompressed.
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model.card import METADATA_KEY, parse_card
from tests.pipeline.model import STAND_IN

OPSET = 17
IR_VERSION = 8
VERSION = "1"

SIDE = 224
CELL = 8
GRID = SIDE // CELL

# Cells of the 28 x 28 grid: upper, middle and lower zone of each lung (rows, columns), and the mediastinum.
ROWS = ((6, 11), (11, 16), (16, 20))
COLUMNS = ((6, 12), (16, 22))
ZONES = tuple((rows, columns) for rows in ROWS for columns in COLUMNS)
MEDIASTINUM = ((8, 20), (13, 15))
# How much darker than the mediastinum each zone of a clear drawn lung is, and how much that varies.
CLEAR = (-0.38, -0.35, -0.40, -0.23, -0.36, -0.24)
SPREAD = (0.04, 0.04, 0.04, 0.05, 0.05, 0.06)
# The zone that is brighter than usual by most decides; the gate wants lungs darker than the mediastinum.
STEEPNESS, MIDDLE = 1.4, 1.6
GATE_STEEPNESS, GATE_MIDDLE = 30.0, 0.10

STATEMENT = (
    "A stand-in without any medical knowledge: it compares the brightness of six zones with that of the mediastinum, "
    "with numbers chosen by hand on drawn films. Its scores on X-rays of people mean nothing."
)


def cell_weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(784, 7) and (7,): from the grid's cells to six zones in spreads above a clear lung, and the contrast."""
    middle = zone(*MEDIASTINUM)
    zones = [zone(*place) for place in ZONES]
    columns = [(area - middle) / spread for area, spread in zip(zones, SPREAD, strict=True)]
    columns.append(middle - sum(zones) / len(zones))
    bias = [-clear / spread for clear, spread in zip(CLEAR, SPREAD, strict=True)] + [-GATE_MIDDLE]
    return np.stack(columns, axis=1).astype(np.float32), np.array(bias, np.float32)


def zone(rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.float64]:
    """(784,): weights that take the mean over a rectangle of cells."""
    cells = np.zeros((GRID, GRID))
    cells[slice(*rows), slice(*columns)] = 1 / ((rows[1] - rows[0]) * (columns[1] - columns[0]))
    return cells.ravel()


def graph() -> ModelProto:
    """The network without its card: image (N, 1, 224, 224) in 0 to 1 -> score (N, 1), gate (N, 1)."""
    weights, bias = cell_weights()
    constants = {
        "weights": weights,
        "bias": bias,
        "parts": np.array([len(ZONES), 1], np.int64),
        "middle": np.array([MIDDLE], np.float32),
        "steepness": np.array([STEEPNESS], np.float32),
        "gate_steepness": np.array([GATE_STEEPNESS], np.float32),
    }
    nodes = [
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Flatten", ["cells"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["sums"]),
        helper.make_node("Split", ["sums", "parts"], ["zones", "contrast"], axis=1),
        helper.make_node("ReduceMax", ["zones"], ["brightest"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["brightest", "middle"], ["above"]),
        helper.make_node("Mul", ["above", "steepness"], ["score_logit"]),
        helper.make_node("Sigmoid", ["score_logit"], ["score"]),
        helper.make_node("Mul", ["contrast", "gate_steepness"], ["gate_logit"]),
        helper.make_node("Sigmoid", ["gate_logit"], ["gate"]),
    ]
    network = helper.make_graph(
        nodes,
        "stand-in",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("score", "gate")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(
        network,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="medpattern-stand-in",
        producer_version=VERSION,
    )


def card() -> dict[str, Any]:
    """The card, its test inputs without scores yet."""
    return {
        "schema": "medpattern.io/model-card/1",
        "name": "stand-in",
        "version": VERSION,
        "standIn": True,
        "statement": STATEMENT,
        "input": {
            "name": "image", "height": SIDE, "width": SIDE, "channels": 1, "resize": "lanczos", "crop": 0.04,
            "scaling": {"mean": [0.0], "std": [1.0]},
        },
        "outputs": {"score": "score", "gate": "gate"},
        "operatingPoints": {
            "screening": {"low": 0.12, "high": 0.3},
            "balanced": {"low": 0.35, "high": 0.5},
            "specific": {"low": 0.5, "high": 0.8},
        },
        "defaultOperatingPoint": "balanced",
        "gate": {"threshold": 0.5},
        "trainingPrevalence": 0.5,
        "calibration": {"method": "none"},
        "intendedUse": {
            "modalities": ["CR", "DX"], "bodyParts": ["CHEST", "THORAX"], "views": ["AP", "PA"], "ageYears": [1, 5],
        },
        "testInputs": [],
        "trainingDataDigest": None,
        "codeRevision": f"tests/pipeline/model/stand_in.py {VERSION}",
    }  # fmt: skip


def test_pictures() -> dict[str, NDArray[np.uint8]]:
    """Eight pictures of 64 x 64: drawn chests with and without a bright zone, and what the gate must refuse."""
    y, x = np.mgrid[0:64, 0:64]
    chest = np.full((64, 64), 190, np.int64)
    for centre in (20, 43):
        chest[(x - centre) ** 2 * 400 + (y - 30) ** 2 * 81 < 81 * 400] = 95
    pictures = {"clear": chest}
    for name, (left, top) in {"upper-left": (16, 16), "lower-right": (38, 34), "lower-left": (15, 36)}.items():
        patch = chest.copy()
        patch[top : top + 12, left : left + 11] += 70
        pictures[name] = patch
    faint = chest.copy()
    faint[24:36, 38:49] += 30
    pictures |= {"faint": faint, "inverted": 255 - chest, "blank": np.full((64, 64), 128), "ramp": x * 4}
    return {name: picture.astype(np.uint8) for name, picture in pictures.items()}


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An 8-bit grey PNG in one stored block: its bytes depend on no compressor."""
    height, width = pixels.shape
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    stream = b"\x78\x01\x01" + pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw + pack(">I", zlib.adler32(raw))
    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(body)) + name + body + pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def test_inputs(network: ModelProto, document: dict[str, Any]) -> list[dict[str, Any]]:
    """The card's test inputs with the scores that the network gives through the pipeline's own preparation."""
    placeholder = [{"name": "none", "image": "A" * 16, "score": 0, "tolerance": 0.01}]
    contract = parse_card(json.dumps({**document, "testInputs": placeholder})).input
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = []
    for name, picture in test_pictures().items():
        image = png(picture)
        score, gate = session.run(["score", "gate"], {contract.name: prepare(decode(image), contract)})
        inputs.append({
            "name": name, "image": b64encode(image).decode(), "score": round(score.item(), 4),
            "gate": round(gate.item(), 4), "tolerance": 0.002,
        })  # fmt: skip
    return inputs


def build() -> bytes:
    """The whole file."""
    network, document = graph(), card()
    checker.check_model(network, full_check=True)
    document["testInputs"] = test_inputs(network, document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    parse_card(text)
    helper.set_model_props(network, {METADATA_KEY: text})
    return network.SerializeToString(deterministic=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else STAND_IN.parent
    folder.mkdir(parents=True, exist_ok=True)
    data = build()
    (folder / "model.onnx").write_bytes(data)
    print(sha256(data).hexdigest())


if __name__ == "__main__":
    main()
