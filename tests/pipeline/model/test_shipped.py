"""The file that ships: pinned, honest about being a stand-in, and the one its script writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import medpattern
from medpattern.pipeline.images import ImageFacts, Radiograph, decode, prepare
from medpattern.pipeline.model import Predictor, assess, shipped
from medpattern.pipeline.model.shipped import model_folder
from medpattern.pipeline.simulation.phantom import draw_phantom

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    ship = shipped()
    return Predictor.load(ship.path, ship.sha256)


def radiograph(seed: int, *, pneumonia: bool) -> Radiograph:
    pixels = draw_phantom(np.random.default_rng(seed), 240, 260, pneumonia=pneumonia).pixels
    return Radiograph(pixels, 8, ImageFacts("png", 260, 240))


def test_the_pinned_file_loads_and_warms_up(predictor: Predictor) -> None:
    predictor.warm_up()
    onnx.checker.check_model(onnx.load(shipped().path), full_check=True)


def test_the_stand_in_says_so(predictor: Predictor) -> None:
    assert predictor.card.stand_in
    assert "stand-in" in predictor.card.statement
    found = assess(*predictor.score(prepare(radiograph(1, pneumonia=True), predictor.card.input)), predictor.card,
                   ImageFacts("png", 1, 1))  # fmt: skip
    assert found.stand_in


def test_the_script_writes_the_same_bytes_each_time(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "model" / "stand_in.py", tmp_path], capture_output=True, text=True, check=True
    )
    assert (tmp_path / "model.onnx").read_bytes() == (ROOT / "model" / "stand-in" / "model.onnx").read_bytes()
    assert done.stdout.strip() == json.loads((ROOT / "model" / "shipped.json").read_text())["sha256"]


def test_drawn_films_are_ranked(predictor: Predictor) -> None:
    """Of 60 pairs of a clear and a sick drawn film, the sick one scores higher in most: chance would give 30."""
    contract = predictor.card.input
    clear = [predictor.score(prepare(radiograph(seed, pneumonia=False), contract))[0].score for seed in range(60)]
    sick = [predictor.score(prepare(radiograph(seed, pneumonia=True), contract))[0].score for seed in range(60)]
    assert sum(low < high for low, high in zip(clear, sick, strict=True)) >= 45


def test_the_gate_lets_drawn_films_pass_and_refuses_what_is_none(predictor: Predictor) -> None:
    contract, threshold = predictor.card.input, predictor.card.gate_threshold or 0
    films = [radiograph(seed, pneumonia=seed % 2 == 1) for seed in range(20)]
    inverted = [Radiograph(255 - film.pixels, 8, film.facts) for film in films]
    assert all((predictor.score(prepare(film, contract))[0].gate or 0) >= threshold for film in films)
    assert all((predictor.score(prepare(film, contract))[0].gate or 0) < threshold for film in inverted)
    blank = Radiograph(np.full((64, 64), 90, np.uint8), 8, ImageFacts("png", 64, 64))
    assert (predictor.score(prepare(blank, contract))[0].gate or 0) < threshold


def test_all_three_outcomes_occur_on_drawn_films(predictor: Predictor) -> None:
    films = [radiograph(seed, pneumonia=seed % 2 == 1) for seed in range(40)]
    scores = [predictor.score(prepare(film, predictor.card.input))[0] for film in films]
    outcomes = {assess(one, predictor.card, film.facts).outcome for one, film in zip(scores, films, strict=True)}
    assert outcomes == {"normal", "pneumonia", "unsure"}


def test_a_wheel_holds_it_beside_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "medpattern"
    (package / "builtin" / "model").mkdir(parents=True)
    monkeypatch.setattr(medpattern, "__file__", str(package / "__init__.py"))
    assert model_folder() == package / "builtin" / "model"


def test_the_test_inputs_are_pictures(predictor: Predictor) -> None:
    assert len(predictor.card.test_inputs) == 8
    assert all(decode(test.image).pixels.shape == (64, 64) for test in predictor.card.test_inputs)


def test_importing_the_model_loads_no_onnxruntime() -> None:
    script = (
        "import sys, medpattern.pipeline.model\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('onnxruntime', 'onnx', 'PIL', 'pydicom')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
