"""The ONNX file: it computes what PyTorch computes, for any number of films, and tells nothing of the machine."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import ModelProto, helper

from medpattern.evaluation.strangers import strangers
from medpattern.pipeline.images.prepare import InputContract
from medpattern.pipeline.model import ModelError, Predictor
from medpattern.pipeline.model.card import parse_card
from medpattern.training.augmentation import tensor
from medpattern.training.comparison import Sample, candidates
from medpattern.training.export import finished, graph, quantised
from medpattern.training.material import picture_in_memory
from medpattern.training.network import Classifier, Gate, Shipped
from medpattern.training.settings import InputSettings, NetworkSettings
from medpattern.training.testinputs import test_inputs as inputs_of_card
from tests.fleet.small import CHECKOUT
from tests.pipeline.model.models import card_document

SIDE = 64
# Sums in another order; a blank picture, whose deviation from its mean is nothing but rounding, has that made larger.
FP32, FP32_BLANK = 1e-5, 2e-3
BLANKS = slice(18, 24)
# 8 bits for what flows, 7 for weights: of an untrained network, which no one taught to be calm.
INT8, INT8_MEAN = 0.12, 0.03


@cache
def pictures() -> np.ndarray:
    drawn = strangers("evaluation", ["phantom", "hand", "page", "blank"], 6, 0)
    return np.stack([picture_in_memory(one.pixels, InputSettings(SIDE, 0)) for one in drawn])


@cache
def network() -> Shipped:
    """Untrained, but awake: scores and gates of these pictures are spread from near 0 to near 1."""
    torch.manual_seed(3)
    shipped = Shipped(Classifier(NetworkSettings(8, (8, 16), (1, 1), 0.1)), Gate((4, 8, 8, 8)))
    image = tensor(pictures())
    with torch.inference_mode():
        shipped.train()
        for _ in range(30):
            shipped(image)
        shipped.eval()
        for part in (shipped.classifier, shipped.gate):
            last = part.head[-1]
            logit = part(image)
            last.weight.mul_(2 / logit.std())
            last.bias.sub_(logit.mean()).mul_(2 / logit.std())
    return shipped


@cache
def floating() -> ModelProto:
    return graph(network(), SIDE)


@cache
def whole_numbers() -> ModelProto:
    return quantised(floating(), pictures())


def answers(model: ModelProto | bytes, films: np.ndarray) -> np.ndarray:
    """(2, N): scores and gates."""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.stack(session.run(["score", "gate"], {"image": tensor(films).numpy()}))[..., 0]


@cache
def expected() -> np.ndarray:
    with torch.inference_mode():
        return np.stack([part.numpy()[:, 0] for part in network()(tensor(pictures()))])


def card(model: ModelProto) -> dict[str, object]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    contract = InputContract("image", SIDE, SIDE, crop=0.04)
    document = card_document(testInputs=inputs_of_card(session, contract))
    return document | {
        "input": {"name": "image", "height": SIDE, "width": SIDE, "channels": 1, "resize": contract.resize,
                  "crop": 0.04, "scaling": {"mean": [0.0], "std": [1.0]}},
    }  # fmt: skip


@cache
def shipped_file() -> bytes:
    return finished(ModelProto.FromString(whole_numbers().SerializeToString()), card(whole_numbers()))


def test_the_pictures_here_tell_networks_apart() -> None:
    for found in expected():
        assert found.min() < 0.2
        assert found.max() > 0.8


def test_floating_point_computes_what_pytorch_computes() -> None:
    difference = abs(answers(floating(), pictures()) - expected())

    assert difference[:, : BLANKS.start].max() < FP32
    assert difference[:, BLANKS].max() < FP32_BLANK


def test_whole_numbers_compute_nearly_the_same() -> None:
    difference = abs(answers(whole_numbers(), pictures()) - expected())

    assert difference.max() < INT8
    assert difference.mean() < INT8_MEAN


def test_the_comparison_in_the_evidence_says_so_too() -> None:
    sample = Sample(pictures(), expected()[0] > np.median(expected()[0]))
    files = {"fp32": floating().SerializeToString(), "int8": whole_numbers().SerializeToString()}

    rows = candidates(network(), files, "int8", sample)

    assert [row["shipped"] for row in rows] == [False, True]
    assert [row["bytes"] for row in rows] == [len(data) for data in files.values()]
    assert rows[0]["greatestDifference"] < FP32_BLANK
    for row, data in zip(rows, files.values(), strict=True):
        difference = abs(answers(data, pictures())[0] - expected()[0])
        assert row["greatestDifference"] == pytest.approx(difference.max(), abs=1e-4)
        assert row["meanAbsoluteDifference"] == pytest.approx(difference.mean(), abs=1e-4)
        assert row["networkMedianMs"] > 0
    assert rows[0]["auc"] == 1


@pytest.mark.parametrize("number", [1, 3, 24])
def test_any_number_of_films_at_once(number: int) -> None:
    for model in (floating(), whole_numbers()):
        found = answers(model, pictures()[:number])
        assert found.shape == (2, number)
        np.testing.assert_allclose(found, answers(model, pictures())[:, :number], atol=1e-4)


def test_all_convolutions_and_nothing_else_are_in_whole_numbers() -> None:
    model = onnx.shape_inference.infer_shapes(whole_numbers())
    made_by = {output: node for node in model.graph.node for output in node.output}
    weights = {one.name: one for one in model.graph.initializer}

    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convolutions
    for node in convolutions:
        assert [made_by[name].op_type for name in node.input[:2]] == ["DequantizeLinear"] * 2
        stored, scale = (weights[name] for name in made_by[node.input[1]].input[:2])
        assert stored.data_type == onnx.TensorProto.INT8
        assert list(scale.dims) == [stored.dims[0]], "one scale for each channel"
        assert abs(onnx.numpy_helper.to_array(stored).astype(int)).max() <= 64, "seven bits"
    for node in model.graph.node:
        if node.op_type in ("Gemm", "MatMul", "ReduceMean", "Sqrt"):
            assert all(made_by[name].op_type != "DequantizeLinear" for name in node.input if name in made_by)


def test_the_file_passes_the_checker_and_is_of_one_ordinary_opset() -> None:
    model = onnx.load_from_string(shipped_file())

    onnx.checker.check_model(model, full_check=True)
    assert [one.version for one in model.opset_import if one.domain == ""] == [18]
    assert {node.domain for node in model.graph.node} == {""}, "any ONNX runtime can run it"
    assert model.producer_name == "medpattern"


def test_the_service_loads_it_and_it_gives_the_scores_of_its_card(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(shipped_file())

    predictor = Predictor.load(path)
    predictor.warm_up()

    assert len(predictor.card.test_inputs) == 8
    assert predictor.card.input.width == SIDE
    found = [(one.score, one.gate) for one in predictor.score(tensor(pictures()).numpy())]
    np.testing.assert_allclose(np.array(found).T, answers(whole_numbers(), pictures()), atol=1e-6)


def test_a_card_that_is_wrong_makes_no_file() -> None:
    model = ModelProto.FromString(floating().SerializeToString())

    wrong = card_document()["operatingPoints"] | {"balanced": {"low": 0.9, "high": 0.1}}

    with pytest.raises(ModelError, match=r"operatingPoints\.balanced: low 0\.9 lies above high 0\.1"):
        finished(model, card(floating()) | {"operatingPoints": wrong})


def test_the_same_network_gives_the_same_bytes() -> None:
    once = finished(graph(network(), SIDE), card(floating()))
    again = finished(graph(network(), SIDE), card(floating()))
    small = [quantised(floating(), pictures()).SerializeToString(deterministic=True) for _ in range(2)]

    assert once == again
    assert small[0] == small[1]


def test_nothing_in_the_file_tells_of_the_machine() -> None:
    model = onnx.load_from_string(shipped_file())
    parse_card(next(one.value for one in model.metadata_props))

    assert [one.key for one in model.metadata_props] == ["medpattern"]
    helper.set_model_props(model, {})
    rest = model.SerializeToString()
    for told in (CHECKOUT, Path(sys.prefix), Path.home(), Path(tempfile.gettempdir()), "site-packages", "pkg.",
                 "stack_trace", "Traceback", "torch.export"):  # fmt: skip
        assert str(told).encode() not in rest, told
    assert re.search(rb"\.py\b", rest) is None


def test_notes_of_an_exporter_are_taken_out_wherever_they_hang() -> None:
    model = ModelProto.FromString(floating().SerializeToString())
    for part in (model, model.graph, model.graph.input[0], model.graph.output[1], model.graph.node[0],
                 model.graph.initializer[0]):  # fmt: skip
        part.doc_string = "File secret.py, line 3"
        part.metadata_props.add(key="note", value="secret")

    data = finished(model, card(floating()))

    assert b"secret" not in data
    assert json.dumps("medpattern").strip('"').encode() in data
