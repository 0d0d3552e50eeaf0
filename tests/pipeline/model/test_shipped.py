"""The file that ships keeps what its card promises and refuses what is no film, whichever good model it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import medpattern
from medpattern.pipeline.images import ImageFacts, Radiograph, decode, prepare
from medpattern.pipeline.model import Predictor, assess, shipped
from medpattern.pipeline.model.shipped import model_folder
from medpattern.pipeline.model.statistics import OF_ANSWER, OF_INPUT
from medpattern.pipeline.simulation.phantom import draw_phantom

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    ship = shipped()
    return Predictor.load(ship.path, ship.sha256)


def test_the_pinned_file_loads_and_warms_up(predictor: Predictor) -> None:
    predictor.warm_up()
    onnx.checker.check_model(onnx.load(shipped().path), full_check=True)
    assert shipped().path.stat().st_size < 12 * MEBIBYTE


def test_eight_test_inputs_are_pictures_and_tell_scores_and_gate(predictor: Predictor) -> None:
    tests = predictor.card.test_inputs
    assert len({test.name for test in tests}) == 8
    assert all(decode(test.image).pixels.ndim == 2 for test in tests)
    # Eight times the same score would find no difference between two machines.
    assert max(test.score for test in tests) - min(test.score for test in tests) > 0.1
    assert predictor.card.outputs.gate is None or all(test.gate is not None for test in tests)


def test_it_claims_no_more_than_frontal_films_of_small_children(predictor: Predictor) -> None:
    use = predictor.card.intended_use
    assert set(use.modalities) == {"CR", "DX"}
    assert set(use.views) == {"AP", "PA"}
    assert set(use.body_parts) <= {"CHEST", "THORAX"}
    assert use.age_years == (1, 5)


def test_the_operating_points_are_in_order(predictor: Predictor) -> None:
    points = [predictor.card.operating_point(name) for name in ("screening", "balanced", "specific")]
    assert [point.high for point in points] == sorted(point.high for point in points)
    assert predictor.card.operating_point().name == "balanced"


@pytest.mark.parametrize("height", [64, 700])
def test_a_batch_gives_each_image_what_it_gets_alone(predictor: Predictor, height: int) -> None:
    contract = predictor.card.input
    films = [prepare(drawn(seed, height), contract) for seed in range(3)]
    together = predictor.score(np.concatenate(films))
    for alone, scores in zip(films, together, strict=True):
        assert predictor.score(alone)[0].score == pytest.approx(scores.score, abs=0.01)


def test_a_model_that_was_trained_says_on_what_and_how_its_films_look(predictor: Predictor) -> None:
    card = predictor.card
    assert not card.stand_in
    assert card.training_data_digest is not None
    assert set(card.reference) == {*OF_INPUT, *OF_ANSWER}


def drawn(seed: int, height: int = 240) -> Radiograph:
    pixels = draw_phantom(np.random.default_rng(seed), height, height + 20, pneumonia=seed % 2 == 1).pixels
    return Radiograph(pixels, 8, ImageFacts("png", height + 20, height))


def no_films() -> list[NDArray[np.uint8]]:
    noise = np.random.default_rng(4).integers(0, 256, (200, 200), np.uint8)
    ramp = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (200, 1))
    return [np.full((200, 200), grey, np.uint8) for grey in (0, 90, 255)] + [noise, 255 - drawn(1).pixels, ramp]


def test_the_gate_refuses_drawn_films_and_what_is_no_film(predictor: Predictor) -> None:
    strangers = [Radiograph(pixels, 8, ImageFacts("png", 200, 200)) for pixels in no_films()]
    phantoms = [drawn(seed) for seed in range(40)]
    assert sum(refused(predictor, film) for film in strangers) >= len(strangers) - 1
    assert sum(refused(predictor, film) for film in phantoms) >= 39


def refused(predictor: Predictor, radiograph: Radiograph) -> bool:
    (scores,) = predictor.score(prepare(radiograph, predictor.card.input))
    found = assess(scores, predictor.card, radiograph.facts)
    assert (found.risk is None) == (found.reason == "not-a-frontal-chest-film")
    return found.risk is None


def test_a_wheel_holds_it_beside_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "medpattern"
    (package / "builtin" / "model").mkdir(parents=True)
    monkeypatch.setattr(medpattern, "__file__", str(package / "__init__.py"))
    assert model_folder() == package / "builtin" / "model"


def test_importing_the_model_loads_no_onnxruntime() -> None:
    script = (
        "import sys, medpattern.pipeline.model\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('onnxruntime', 'onnx', 'PIL', 'pydicom')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
