"""The stand-in that tests use: written by its script, and of use since it answers to drawn films."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from medpattern.pipeline.images import ImageFacts, Radiograph, prepare
from medpattern.pipeline.model import Predictor, assess
from medpattern.pipeline.simulation.phantom import draw_phantom
from tests.pipeline.model import STAND_IN

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load(STAND_IN)


def radiograph(seed: int, *, pneumonia: bool) -> Radiograph:
    pixels = draw_phantom(np.random.default_rng(seed), 240, 260, pneumonia=pneumonia).pixels
    return Radiograph(pixels, 8, ImageFacts("png", 260, 240))


def test_it_says_what_it_is(predictor: Predictor) -> None:
    predictor.warm_up()
    assert predictor.card.stand_in
    assert "stand-in" in predictor.card.statement
    found = assess(*predictor.score(prepare(radiograph(1, pneumonia=True), predictor.card.input)), predictor.card,
                   ImageFacts("png", 1, 1))  # fmt: skip
    assert found.stand_in


def test_the_script_writes_the_same_bytes_each_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.pipeline.model.stand_in", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert (tmp_path / "model.onnx").read_bytes() == STAND_IN.read_bytes()
    assert done.stdout.strip() == sha256(STAND_IN.read_bytes()).hexdigest()


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
