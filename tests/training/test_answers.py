"""What networks say of films they never saw: by the service's own path, and the same each time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medpattern.evaluation.filmfiles import as_png, eight_bits
from medpattern.evaluation.shifts import SHIFTS
from medpattern.pipeline.images import decode, prepare
from medpattern.training.answers import CLEAN, Answers, answers, contract_of
from tests.training.drawn import films, small_settings

SETTINGS = replace(small_settings(), points=replace(small_settings().points, shifts=3))


class Mean(nn.Module):
    """A network that says how bright a picture is, or how bright its left half is."""

    def __init__(self, part: float) -> None:
        super().__init__()
        self.part = part

    def forward(self, image: Tensor) -> Tensor:
        return image[..., : int(image.shape[-1] * self.part)].mean((1, 2, 3))


NETWORKS = Mean(1), Mean(0.5)
FILMS = films(3)


@pytest.fixture(scope="module")
def said() -> Answers:
    return answers(FILMS, range(6), NETWORKS, SETTINGS)


def columns(found: Answers) -> list[tuple[str, int, float, float]]:
    return list(zip(found.set.tolist(), found.film.tolist(), found.score.tolist(), found.gate.tolist(), strict=True))


def test_every_film_is_scored_as_it_is_and_under_shifts(said: Answers) -> None:
    for film in range(6):
        sets = said.set[said.film == film].tolist()
        assert sets[0] == CLEAN
        assert len(set(sets)) == 4, "three different shifts"
        shifts = [SHIFTS[name.removeprefix(f"{CLEAN}+")] for name in sets[1:]]
        assert not any(shift.full_size for shift in shifts)
    assert len(Counter(said.set.tolist())) > 6, "films do not all meet the same shifts"


def test_a_film_as_it_is_goes_through_the_services_own_preparation(said: Answers) -> None:
    for place, film in enumerate(FILMS):
        planes = prepare(decode(film.read()), contract_of(SETTINGS))
        (clean,) = np.flatnonzero((said.film == place) & (said.set == CLEAN))
        assert said.score[clean] == pytest.approx(planes.mean(), abs=0.5 / 255), "but for rounding to grey levels"
        assert said.gate[clean] == pytest.approx(planes[..., : SETTINGS.input.side // 2].mean(), abs=0.5 / 255)


def test_only_name_and_seed_decide_what_a_film_meets(said: Answers) -> None:
    assert columns(answers(FILMS, range(6), NETWORKS, SETTINGS)) == columns(said)
    alone = answers(FILMS[::-1], [5 - 4], NETWORKS, SETTINGS)
    assert [row[0] for row in columns(alone)] == [row[0] for row in columns(said) if row[1] == 4]
    np.testing.assert_allclose(alone.score, said.score[said.film == 4], atol=1e-6)
    other = answers(FILMS, range(6), NETWORKS, replace(SETTINGS, seed=1))
    assert other.set.tolist() != said.set.tolist()


def test_a_film_that_lost_its_borders_loses_no_more() -> None:
    settings = replace(SETTINGS, input=replace(SETTINGS.input, crop=0.04), points=replace(SETTINGS.points, shifts=0))
    pixels = eight_bits(decode(FILMS[0].read()))
    high, wide = (round(0.04 * side) for side in pixels.shape)
    cut = as_png(np.ascontiguousarray(pixels[high:-high, wide:-wide]))

    def brightness(**changes: object) -> float:
        return float(answers([replace(FILMS[0], **changes)], [0], NETWORKS, settings).score[0])

    once = brightness(read=lambda: cut, cropped=True)
    assert once == pytest.approx(brightness(), abs=0.002)
    assert abs(brightness(read=lambda: cut) - once) > 0.005


def test_they_are_kept_as_they_are(said: Answers, tmp_path: Path) -> None:
    said.write(tmp_path / "answers-0.npz")
    said.write(tmp_path / "answers-0.npz")

    assert columns(Answers.read(tmp_path / "answers-0.npz")) == columns(said)
    assert [path.name for path in tmp_path.iterdir()] == ["answers-0.npz"]


def test_answers_of_folds_are_joined(said: Answers) -> None:
    parts = [answers(FILMS, places, NETWORKS, SETTINGS) for places in ([0, 1, 2], [3, 4, 5])]

    assert [row[:2] for row in columns(Answers.joined(parts))] == [row[:2] for row in columns(said)]


def test_more_films_than_a_batch_lose_none() -> None:
    settings = replace(SETTINGS, points=replace(SETTINGS.points, shifts=0))
    many = [replace(FILMS[number % 6], name=str(number)) for number in range(70)]

    found = answers(many, range(70), NETWORKS, settings)

    assert found.film.tolist() == list(range(70))
    torch.testing.assert_close(found.score, np.resize(found.score[:6], 70), atol=1e-6, rtol=0)
