from __future__ import annotations

import numpy as np
import pytest

from medpattern.evaluation.strangers import films, strangers
from tests.evaluation.strangers.drawn_films import some_films

FILM = some_films(1)[0]


def altered(name: str, film: np.ndarray = FILM, *, seed: int = 0) -> np.ndarray:
    return next(strangers("evaluation", [name], 1, seed, [film])).pixels


def test_inverted_films_are_white_for_black() -> None:
    assert np.array_equal(altered("film-inverted").astype(int) + FILM, np.full(FILM.shape, 255))


@pytest.mark.parametrize(("degrees", "first_pixel"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_turned_films_bring_that_corner_to_the_upper_left(degrees: int, first_pixel: tuple[int, int]) -> None:
    film = FILM.copy()
    film[first_pixel] = 255
    film[0, 0] = 0
    turned = altered(f"film-rotated-{degrees}", film)
    assert turned[0, 0] == 255
    assert sorted(turned.ravel()) == sorted(film.ravel())


def test_upside_down_keeps_left_on_the_left() -> None:
    film = FILM.copy()
    film[:, :20] = 255
    turned = altered("film-upside-down", film)
    assert (turned[:, :20] == 255).all()
    assert np.array_equal(turned[0], film[-1])


def test_no_rib_is_left_in_a_blurred_film() -> None:
    def edges(pixels: np.ndarray) -> float:
        return float(np.abs(np.diff(pixels.astype(float), axis=0)).max())

    assert edges(altered("film-blurred")) < 0.2 * edges(FILM)


def test_a_strip_covers_less_than_a_quarter_of_its_sheet() -> None:
    for seed in range(8):
        sheet = altered("film-strip", np.full((100, 100), 77, np.uint8), seed=seed)
        assert 0.05 < (sheet == 77).mean() < 0.25


def test_no_tile_of_a_shuffled_film_stays_and_none_is_lost() -> None:
    film = np.arange(120 * 120, dtype=np.float64).reshape(120, 120)
    film = np.asarray(film / film.max() * 255, np.uint8)
    for seed in range(20):
        shuffled = altered("film-shuffled", film, seed=seed)
        counts = [
            n for n in range(2, 6) if shuffled.shape == ((120 // n) * n,) * 2 and tiles(shuffled, n) == tiles(film, n)
        ]
        assert counts, "no count of tiles explains this picture"
        assert all(moved(shuffled, film, n) for n in counts[:1])


def tiles(pixels: np.ndarray, count: int) -> list[bytes]:
    return sorted(tile.tobytes() for tile in cut(pixels, count))


def cut(pixels: np.ndarray, count: int) -> list[np.ndarray]:
    return [tile for row in np.array_split(pixels, count) for tile in np.array_split(row, count, axis=1)]


def moved(shuffled: np.ndarray, film: np.ndarray, count: int) -> bool:
    return not any(np.array_equal(a, b) for a, b in zip(cut(shuffled, count), cut(film, count), strict=True))


def test_a_scrambled_film_keeps_its_brightness_and_loses_its_picture() -> None:
    scrambled = altered("film-scrambled").astype(float)
    assert scrambled.mean() == pytest.approx(FILM.mean(), abs=15)
    assert abs(np.corrcoef(scrambled.ravel(), FILM.ravel())[0, 1]) < 0.5


def test_a_corner_is_at_most_a_quarter_and_lies_in_a_corner() -> None:
    film = np.zeros((200, 200), np.uint8)
    film[:, 100:], film[100:, :100], film[100:, 100:] = 60, 120, 180
    seen = {int(altered("film-corner", film, seed=seed).max()) for seed in range(20)}
    assert seen == {0, 60, 120, 180}
    assert all(altered("film-corner", film, seed=seed).std() == 0 for seed in range(20))


def test_a_mosaic_shows_at_least_two_films() -> None:
    shades = [np.full((80, 80), shade, np.uint8) for shade in range(10, 250, 10)]
    for one in strangers("evaluation", ["film-mosaic"], 8, 0, shades):
        drawn_from = {10 * (int(number) + 1) for number in one.source.split()[1:]}
        assert len(np.unique(one.pixels)) >= 2
        assert set(np.unique(one.pixels).tolist()) <= drawn_from


def test_a_source_names_the_film() -> None:
    pictures = list(strangers("evaluation", ["film-inverted"], 9, 0, [FILM, np.invert(FILM)]))
    assert {one.source for one in pictures} == {"film 0", "film 1"}
    assert all((one.source == "film 0") == np.array_equal(one.pixels, np.invert(FILM)) for one in pictures)


def test_a_family_of_films_keeps_the_count_it_asks_for() -> None:
    family = films.altered("pair", lambda rng, pair: np.hstack(pair), count=2)
    assert family.draw(np.random.default_rng(0), "train", [FILM]).pixels.shape == (120, 200)
