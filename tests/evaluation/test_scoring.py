"""Films are scored as the service scores them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.films import Film, load_films
from medpattern.evaluation.scoring import score_films, with_names
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model import Predictor
from medpattern.pipeline.simulation.phantom import draw_phantom
from tests.evaluation.sets import film, original
from tests.pipeline.images.films import raster
from tests.pipeline.model.models import card_document, model_file


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(model_file(tmp_path / "m.onnx"))


@pytest.fixture
def films(tmp_path: Path) -> tuple[Film, ...]:
    phantom = draw_phantom(np.random.default_rng(3), 200, 240).pixels
    return load_films(
        original(
            tmp_path / "data",
            {
                "test/NORMAL/IM-0115-0001.jpeg": film(0.6, 0.7),
                "test/NORMAL/IM-0117-0001.jpeg": raster(phantom, "JPEG", quality=90),
                "test/PNEUMONIA/person1_virus_6.jpeg": film(0.8),
            },
        )
    )


def test_scores_are_those_of_the_service_in_the_films_order(predictor: Predictor, films: tuple[Film, ...]) -> None:
    table = score_films(predictor, films, "test").table

    assert [(row.set, row.name, row.patient, row.pneumonia) for row in table.rows] == [
        ("test", "NORMAL/IM-0115-0001.jpeg", "IM-0115", False),
        ("test", "NORMAL/IM-0117-0001.jpeg", "IM-0117", False),
        ("test", "PNEUMONIA/person1_virus_6.jpeg", "person1", True),
    ]
    assert table.score[[0, 2]] == pytest.approx([0.6, 0.8], abs=0.01)
    assert table.gate[[0, 2]] == pytest.approx([0.7, 0.9], abs=0.01)
    contract = predictor.card.input
    radiograph = decode(films[1].read(), smallest_side=contract.smallest_side)
    (service,) = predictor.score(prepare(radiograph, contract))
    assert table.rows[1].score == round(service.score, 6)
    assert table.rows[1].gate == round(service.gate or 0, 6)


def test_scoring_again_gives_the_same_to_the_digit(predictor: Predictor, films: tuple[Film, ...]) -> None:
    first, second = (score_films(predictor, films, "test").table for _ in range(2))

    assert first.text() == second.text()
    assert score_films(predictor, films[::-1], "test").table.rows[::-1] == first.rows


def test_a_film_without_its_borders_loses_nothing_more(predictor: Predictor, films: tuple[Film, ...]) -> None:
    bright = np.full((32, 48), 200, np.uint8)
    bright[:4] = bright[-4:] = 0  # wider than the contract's crop of 10 %
    whole = replace(films[0], read=lambda: raster(bright, "PNG"))

    scores = score_films(predictor, [whole, replace(whole, name="b", cropped=True)], "test").table.score

    assert scores[0] > scores[1] + 0.02


def test_progress_and_latency_are_told(predictor: Predictor, films: tuple[Film, ...]) -> None:
    told: list[tuple[int, int, str]] = []

    latency = score_films(predictor, films, "test", progress=lambda *words: told.append(words)).latency

    assert told == [(index, 3, film.name) for index, film in enumerate(films)]
    assert latency is not None
    assert 0 < latency.network_median < latency.whole_median <= latency.whole_p95
    assert score_films(predictor, [], "test").latency is None


def test_a_model_without_a_gate_leaves_it_empty(tmp_path: Path, films: tuple[Film, ...]) -> None:
    document = card_document(outputs={"score": "score"})
    del document["gate"], document["testInputs"][0]["gate"]
    predictor = Predictor.load(model_file(tmp_path / "ungated.onnx", card=document))

    assert [row.gate for row in score_films(predictor, films, "test").table.rows] == [None] * 3


def test_burned_in_names_change_the_film_the_same_way_each_time(films: tuple[Film, ...]) -> None:
    film = films[1]

    with_text = decode(with_names(film)).pixels
    changed = with_text != decode(film.read()).pixels

    assert with_text.shape == (200, 240)
    assert 0.0005 < changed.mean() < 0.2
    assert with_names(film) == with_names(replace(film, split="train"))
    assert with_names(film) != with_names(replace(film, name="NORMAL/IM-0118-0001.jpeg"))


def test_a_film_that_cannot_be_scored_is_named(tmp_path: Path, predictor: Predictor, films: tuple[Film, ...]) -> None:
    torn = replace(films[0], read=lambda: films[1].read()[:400])
    with pytest.raises(UsageError, match=r"NORMAL/IM-0115-0001\.jpeg cannot be decoded: "):
        score_films(predictor, [torn], "test")
    with pytest.raises(UsageError, match=r"NORMAL/IM-0115-0001\.jpeg cannot be decoded: "):
        with_names(torn)

    dividing = Predictor.load(model_file(tmp_path / "reciprocal.onnx", reciprocal=True))
    black = replace(films[0], read=lambda: raster(np.zeros((32, 48), np.uint8), "PNG"))
    with pytest.raises(UsageError, match=r"cannot be (decoded|scored)"):
        score_films(dividing, [black], "test")
