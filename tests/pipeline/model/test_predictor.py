"""Loading a model file, checking it, scoring with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from medpattern.pipeline.failures import Unavailable, Unprocessable
from medpattern.pipeline.model import ModelError, Predictor, Scores
from tests.pipeline.model.models import HEIGHT, WIDTH, card_document, grey, model_file


def batch(*values: float) -> np.ndarray:
    return np.stack([np.full((1, HEIGHT, WIDTH), value, np.float32) for value in values])


def test_each_image_of_a_batch_has_its_scores(tmp_path: Path) -> None:
    predictor = Predictor.load(model_file(tmp_path / "m.onnx"))
    images = batch(0.25, 0.5, 0.75)
    images[1, 0, : HEIGHT // 2] = 1
    assert predictor.score(images) == (Scores(0.25, 0.25), Scores(0.75, 1.0), Scores(0.75, 0.75))
    assert predictor.score(images[:1]) == (Scores(0.25, 0.25),)


def test_without_a_gate_there_is_none(tmp_path: Path) -> None:
    document = card_document(outputs={"score": "score"})
    del document["gate"], document["testInputs"][0]["gate"]
    predictor = Predictor.load(model_file(tmp_path / "m.onnx", card=document))
    predictor.warm_up()
    assert predictor.score(batch(0.5)) == (Scores(0.5, None),)


def test_the_digest_is_checked_and_told(tmp_path: Path) -> None:
    path = model_file(tmp_path / "m.onnx")
    digest = sha256(path.read_bytes()).hexdigest()
    assert Predictor.load(path, digest).sha256 == digest
    assert Predictor.load(path, f"sha256:{digest.upper()}").sha256 == digest
    with pytest.raises(ModelError, match=digest):
        Predictor.load(path, "0" * 64)


def test_a_model_error_is_an_unavailable_model(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as fault:
        Predictor.load(tmp_path / "missing.onnx")
    assert fault.value.dependency == "model"
    assert "missing.onnx" in str(fault.value)


@pytest.mark.parametrize("data", [b"", b"no model", bytes(1000)])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        Predictor.load(path)


def test_a_model_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no card"):
        Predictor.load(model_file(tmp_path / "m.onnx", key="other"))


def test_card_and_graph_must_agree(tmp_path: Path) -> None:
    other = card_document()
    for key, value in (("name", "picture"), ("height", 17)):
        document = card_document(input={**other["input"], key: value})
        with pytest.raises(ModelError, match="input"):
            Predictor.load(model_file(tmp_path / "m.onnx", card=document))
    with pytest.raises(ModelError, match="probability"):
        Predictor.load(
            model_file(tmp_path / "m.onnx", card=card_document(outputs={"score": "probability", "gate": "gate"}))
        )
    with pytest.raises(ModelError, match="batch"):
        Predictor.load(model_file(tmp_path / "m.onnx", batch=1))


def test_the_warm_up_accepts_what_the_card_expects(tmp_path: Path) -> None:
    Predictor.load(model_file(tmp_path / "m.onnx")).warm_up()


@pytest.mark.parametrize(("what", "wrong"), [("score", {"score": 0.203}), ("gate", {"gate": 0.19})])
def test_the_warm_up_names_the_input_that_differs(tmp_path: Path, what: str, wrong: dict[str, float]) -> None:
    test = {"name": "dark", "image": grey(51), "score": 0.2, "gate": 0.2, "tolerance": 0.001, **wrong}
    predictor = Predictor.load(model_file(tmp_path / "m.onnx", card=card_document(testInputs=[test])))
    with pytest.raises(ModelError, match=rf"the {what} of test input 'dark'"):
        predictor.warm_up()


def test_a_test_input_that_is_no_image_is_a_model_error(tmp_path: Path) -> None:
    test = {"name": "odd", "image": "AAAA" * 9, "score": 0.2, "tolerance": 0.001}
    predictor = Predictor.load(model_file(tmp_path / "m.onnx", card=card_document(testInputs=[test])))
    with pytest.raises(ModelError, match="'odd'"):
        predictor.warm_up()


def test_no_number_is_refused(tmp_path: Path) -> None:
    predictor = Predictor.load(model_file(tmp_path / "m.onnx"))
    with pytest.raises(Unprocessable, match="not-a-number"):
        predictor.score(batch(0.5, float("nan")))
    reciprocal = Predictor.load(model_file(tmp_path / "r.onnx", reciprocal=True))
    with pytest.raises(Unprocessable, match="not-a-number"):
        reciprocal.score(batch(0.0))


def test_threads_share_one_predictor(tmp_path: Path) -> None:
    predictor = Predictor.load(model_file(tmp_path / "m.onnx"))
    values = [index / 64 for index in range(64)]
    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(lambda value: predictor.score(batch(value))[0].score, values))
    assert scores == values
