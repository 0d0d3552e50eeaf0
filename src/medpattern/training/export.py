"""From fitted networks to the ONNX file that ships: one graph in whole numbers, its card in the metadata."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medpattern.pipeline.model.card import METADATA_KEY, parse_card

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from onnx import ModelProto

    from medpattern.training.network import Shipped

OPSET = 18
INPUT, OUTPUTS = "image", ("score", "gate")
# All else stays in floating point: the normalisation, and the last layers of both networks, which decide.
QUANTISED = ("Conv",)


def graph(network: Shipped, side: int) -> ModelProto:
    """The network without its card: image (N, 1, side, side), 0 to 1 -> score (N, 1), gate (N, 1)."""
    import onnx

    shipped = network.eval().to(memory_format=torch.contiguous_format)
    file = io.BytesIO()
    exported = torch.onnx.export(
        shipped,
        (torch.rand(2, 1, side, side),),
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: torch.export.Dim("N", min=1, max=1024)},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if exported is None:
        raise RuntimeError("torch.onnx.export gives no program")
    exported.save(file)
    model = onnx.load_from_string(file.getvalue())
    onnx.checker.check_model(model, full_check=True)
    return model


def quantised(model: ModelProto, films: NDArray[np.uint8]) -> ModelProto:
    """The graph with convolutions in whole numbers, ranges taken from `films`, (N, side, side).

    Static, one scale for each channel, QDQ (onnxruntime.quantization). Weights have seven bits, so that processors
    without VNNI, whose sums saturate, give the same.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(films)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            film = next(self.rest, None)
            return None if film is None else {INPUT: film[None, None].astype(np.float32) / 255}

    with tempfile.TemporaryDirectory() as folder:
        whole, prepared, small = (Path(folder) / name for name in ("whole.onnx", "prepared.onnx", "small.onnx"))
        onnx.save(model, whole)
        quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(small), Reader(), quant_format=QuantFormat.QDQ, op_types_to_quantize=list(QUANTISED),
            per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        return onnx.load(small)


def finished(model: ModelProto, card: Mapping[str, Any]) -> bytes:
    """The file: the graph with `card`, checked, in its metadata; the same arguments give the same bytes.

    Raises:
        ModelError: the card is wrong.
    """
    from onnx import checker, helper

    text = json.dumps(card, sort_keys=True, separators=(",", ":"))
    parse_card(text)
    checker.check_model(model, full_check=True)
    for node in _everything(model):
        del node.metadata_props[:]
        node.doc_string = ""
    model.producer_name, model.producer_version = "medpattern", card["version"]
    helper.set_model_props(model, {METADATA_KEY: text})
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _everything(model: ModelProto) -> Iterator[Any]:
    """The model and its parts: what an exporter's notes (file names, stack traces) hang on."""
    yield model
    yield model.graph
    yield from model.graph.input
    yield from model.graph.output
    yield from model.graph.node
    yield from model.graph.value_info
    yield from model.graph.initializer
