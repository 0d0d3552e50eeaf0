"""What may happen to a film: it stays a film of the wanted size, the original stays, and a seed repeats it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medpattern.training.augmentation import Augmentation, tensor
from medpattern.training.material import picture_in_memory
from medpattern.training.settings import InputSettings

SIDE, MARGIN = 64, 8


@pytest.fixture(scope="module")
def chests() -> np.ndarray:
    from medpattern.pipeline.simulation.phantom import draw_phantom

    drawn = (draw_phantom(np.random.default_rng(seed), 120, 150, pneumonia=bool(seed % 2)) for seed in range(4))
    return np.stack([picture_in_memory(one.pixels.astype(np.uint8), InputSettings(SIDE, MARGIN)) for one in drawn])


def shifted(films: np.ndarray, seed: int, strength: float = 1.0) -> np.ndarray:
    return Augmentation(SIDE, strength)(films, np.random.default_rng(seed))


@pytest.mark.parametrize("side", [32, SIDE, 72])
def test_films_come_out_as_the_network_wants_them(side: int, chests: np.ndarray) -> None:
    found = Augmentation(side)(chests, np.random.default_rng(0))

    assert found.shape == (4, side, side)
    assert found.dtype == np.uint8


def test_what_lies_in_memory_stays_as_it_is(chests: np.ndarray) -> None:
    before = chests.copy()

    for seed in range(20):
        shifted(chests, seed)

    assert (chests == before).all()


def test_a_seed_gives_the_same_bytes_and_another_others(chests: np.ndarray) -> None:
    assert shifted(chests, 1).tobytes() == shifted(chests, 1).tobytes()
    assert shifted(chests, 1).tobytes() != shifted(chests, 2).tobytes()


def test_no_two_views_of_a_film_are_alike(chests: np.ndarray) -> None:
    views = shifted(chests[[0] * 12], 3)

    assert len({view.tobytes() for view in views}) == 12


def test_a_view_still_shows_its_film(chests: np.ndarray) -> None:
    """The mean of many views is like the film and its mirror image."""
    film = chests[0][MARGIN // 2 : -MARGIN // 2, MARGIN // 2 : -MARGIN // 2].astype(float)
    mean = shifted(chests[[0] * 200], 5).mean(axis=0)
    own = np.corrcoef(((film + film[:, ::-1]) / 2).ravel(), mean.ravel())[0, 1]
    inverted = np.corrcoef((255 - film).ravel(), mean.ravel())[0, 1]

    assert own > 0.6
    assert inverted < 0


def test_less_strength_changes_less(chests: np.ndarray) -> None:
    film = chests[0]
    plain = film[MARGIN // 2 : -MARGIN // 2, MARGIN // 2 : -MARGIN // 2].astype(float)

    def change(strength: float) -> float:
        views = shifted(film[None].repeat(100, axis=0), 6, strength)
        return float(np.minimum(abs(views - plain), abs(views[:, :, ::-1] - plain)).mean())

    assert change(0.1) < change(0.5) < change(1.0)


@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_film_is_no_trouble(level: int) -> None:
    blank = np.full((40, SIDE + MARGIN, SIDE + MARGIN), level, np.uint8)

    assert np.isfinite(shifted(blank, 0)).all()


def test_grey_levels_become_numbers_from_0_to_1() -> None:
    films = np.array([[[0, 51], [204, 255]]], np.uint8)

    found = tensor(films)

    assert found.shape == (1, 1, 2, 2)
    assert found.dtype == torch.float32
    assert found.flatten().tolist() == pytest.approx([0, 0.2, 0.8, 1])
