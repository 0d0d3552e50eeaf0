"""`medpattern model explain`: a picture of where the model looks, for any film that the pipeline reads."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medpattern.evaluation.filmfiles import as_deep_png, as_dicom, as_jpeg, as_png
from medpattern.pipeline.simulation.phantom import draw_phantom
from tests.fleet.small import medpattern
from tests.pipeline.model import STAND_IN
from tests.pipeline.model.models import model_file

RNG = np.random.default_rng(7)
FILM = draw_phantom(np.random.default_rng(4), 200, 240, pneumonia=True).pixels.astype(np.uint8)
FILES = {
    "jpeg": as_jpeg(FILM, 92),
    "png": as_png(FILM),
    "16-bit": as_deep_png(FILM),
    "dicom": as_dicom(FILM, RNG, "MONOCHROME1", 12),
}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "person7_secret.png"
    path.write_bytes(FILES["png"])
    return path


@pytest.mark.parametrize("kind", FILES)
def test_a_film_of_any_format_is_explained(kind: str, tmp_path: Path) -> None:
    film, out = tmp_path / "film", tmp_path / "out.png"
    film.write_bytes(FILES[kind])

    result = medpattern("model", "explain", film, "-o", out, "--model", STAND_IN)

    assert result.code == 0, result.err
    assert Image.open(out).format == "PNG"
    words = {line.split()[0]: line for line in result.out.splitlines()}
    assert set(words) == {"outcome", "score", "gate", "map", "status"}
    assert words["status"].endswith("preliminary, not for diagnosis")
    assert f"written: {out}" in result.err


def test_json_says_what_the_picture_says_and_no_name(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"

    result = medpattern("model", "explain", film, "-o", out, "--model", STAND_IN, "--output", "json")

    document = json.loads(result.out)
    assert document["model"] == {"name": "stand-in", "version": "1", "standIn": True}
    assert document["operatingPoint"] == "balanced"
    assert document["map"]["lowest"] <= document["map"]["highest"]
    assert 0 <= document["map"]["shareInCentre"] <= 1
    assert "secret" not in result.out
    assert b"secret" not in out.read_bytes()
    assert set(Image.open(BytesIO(out.read_bytes())).info) <= {"dpi"}


def test_a_picture_that_the_gate_refuses_is_explained_as_refused(tmp_path: Path) -> None:
    film, out = tmp_path / "blank.png", tmp_path / "out.png"
    film.write_bytes(as_png(np.full((200, 200), 60, np.uint8)))

    text = medpattern("model", "explain", film, "-o", out, "--model", STAND_IN)
    document = json.loads(medpattern("model", "explain", film, "-o", out, "--model", STAND_IN, "--output", "json").out)

    assert text.code == 0
    assert "outcome  unsure (not a frontal chest film)" in text.out
    assert "map      none: the gate refuses the picture" in text.out
    assert document["map"] is None
    assert document["risk"] is None
    assert document["reason"] == "not-a-frontal-chest-film"
    assert Image.open(out).format == "PNG"


def test_the_same_film_gives_the_same_bytes(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    words = ("model", "explain", film, "-o", out, "--model", STAND_IN)

    medpattern(*words)
    first = out.read_bytes()
    medpattern(*words)

    assert out.read_bytes() == first


def test_wrong_use_is_told_and_nothing_is_written(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(FILES["png"][:300])
    text = tmp_path / "text.png"
    text.write_bytes(b"a letter")
    out = tmp_path / "out.png"
    cases = [
        ((tmp_path / "none.png", "-o", out), "none.png cannot be read"),
        ((broken, "-o", out), "truncated"),
        ((text, "-o", out), "unknown-format"),
        ((film, "-o", tmp_path / "out.jpg"), "ends in .png"),
        ((film, "-o", tmp_path / "nowhere" / "out.png"), "no folder"),
        ((film, "-o", film), "would replace the film"),
        ((film,), "--picture"),
        ((film, "-o", out, "--model", text), "cannot load the model"),
    ]
    for words, told in cases:
        result = medpattern("model", "explain", *words)
        assert result.code == 2, words
        assert told in result.err
        assert "Traceback" not in result.err
    assert not out.exists()
    assert film.read_bytes() == FILES["png"]


def test_a_film_that_gives_no_number_is_told(tmp_path: Path) -> None:
    film = tmp_path / "black.png"
    film.write_bytes(as_png(np.pad(np.full((1, 1), 1, np.uint8), 40)))
    model = model_file(tmp_path / "m.onnx", reciprocal=True)

    result = medpattern("model", "explain", film, "-o", tmp_path / "out.png", "--model", model)

    assert result.code == 2
    assert "not-a-number" in result.err
