"""`medpattern model inspect`: the card of a file, and whether this machine reproduces its test inputs."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from medpattern.pipeline.model import shipped
from tests.fleet.small import medpattern
from tests.pipeline.model.models import card_document, model_file


def test_the_card_is_printed(tmp_path: Path) -> None:
    path = model_file(tmp_path / "m.onnx")

    result = medpattern("model", "inspect", path)

    assert result.code == 0, result.err
    lines = {line[:18].strip(): line[18:] for line in result.out.splitlines()}
    assert lines["model"] == "tiny 1.2.0"
    assert lines["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert lines["size"] == f"{path.stat().st_size:,} bytes"
    assert lines["input"].startswith("24 x 16, grey, 10% of each border cropped, bilinear filter")
    assert lines["balanced"] == "normal below 0.4, pneumonia from 0.6, the default"
    assert lines["gate"] == "refuses below 0.5"
    assert lines["intended use"] == "CHEST, AP or PA, CR or DX, 1 to 5 completed years"
    assert lines["calibration"] == "method none; for a prevalence of 50.0%"
    assert lines["training data"] == "none"
    assert lines["code revision"] == "0123abc"
    assert lines["drift reference"] == "score"
    assert lines["this machine"] == "reproduces 2 test inputs"


def test_json_holds_the_card_and_no_pictures(tmp_path: Path) -> None:
    path = model_file(tmp_path / "m.onnx")

    result = medpattern("model", "inspect", path, "--output", "json")

    document = json.loads(result.out)
    assert document["operatingPoints"]["screening"] == {"low": 0.1, "high": 0.2}
    assert document["input"]["crop"] == 0.1
    assert document["reproduced"] is True
    assert document["fault"] is None
    assert document["testInputs"][0] == {"name": "dark", "score": 0.2, "gate": 0.2, "tolerance": 0.001}


def test_without_a_file_it_is_the_shipped_model() -> None:
    assert shipped().sha256 in medpattern("model", "inspect").out


def test_a_model_without_gate_and_limits_says_so(tmp_path: Path) -> None:
    document = card_document(outputs={"score": "score"}, intendedUse={}, reference={}, standIn=True)
    del document["gate"], document["testInputs"][0]["gate"]

    out = medpattern("model", "inspect", model_file(tmp_path / "m.onnx", card=document)).out

    assert "tiny 1.2.0, a stand-in" in out
    assert "gate              none" in out
    assert "intended use      not limited" in out
    assert "drift reference   none" in out


def test_a_test_input_that_is_not_reproduced_is_1_and_is_named(tmp_path: Path) -> None:
    document = card_document()
    document["testInputs"][1]["score"] = 0.7
    path = model_file(tmp_path / "m.onnx", card=document)

    text, json_ = medpattern("model", "inspect", path), medpattern("model", "inspect", path, "--output", "json")

    assert text.code == json_.code == 1
    assert "this machine      the score of test input 'bright' is 0.79999" in text.out
    assert json.loads(json_.out)["reproduced"] is False


def test_a_wrong_file_is_wrong_use(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"no model")

    for file, word in ((path, "cannot load"), (tmp_path / "none.onnx", "cannot be read"), (tmp_path, "cannot be read")):
        result = medpattern("model", "inspect", file)
        assert result.code == 2, file
        assert word in result.err
        assert result.out == ""


def test_a_model_without_a_card_is_wrong_use(tmp_path: Path) -> None:
    result = medpattern("model", "inspect", model_file(tmp_path / "m.onnx", key="other"))

    assert result.code == 2
    assert "has no card" in result.err
