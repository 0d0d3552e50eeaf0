"""Films in memory are what the pipeline's own prepare() makes of them, each border cut off once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medpattern.evaluation.film import DataError, Film
from medpattern.evaluation.filmfiles import as_png
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.images.prepare import InputContract
from medpattern.training.material import in_memory, load, picture_in_memory
from medpattern.training.settings import InputSettings
from tests.training.drawn import films

SETTINGS = InputSettings(side=48, margin=16, crop=0.04)


def film(name: str, pixels: np.ndarray, **changes: object) -> Film:
    return replace(films(1)[0], name=name, read=lambda: as_png(pixels), **changes)


@pytest.fixture
def pixels() -> np.ndarray:
    """A film of 200 x 100 whose borders, 4 % of each side, are whole pixels and white."""
    found = np.random.default_rng(0).integers(0, 200, (100, 200), np.uint8)
    found[:4] = found[-4:] = 255
    found[:, :8] = found[:, -8:] = 255
    return found


def test_it_is_what_the_service_would_see_with_a_margin(pixels: np.ndarray) -> None:
    contract = InputContract("image", SETTINGS.side + SETTINGS.margin, SETTINGS.side + SETTINGS.margin, crop=0.04)

    found = in_memory(film("a", pixels), SETTINGS)

    assert found.dtype == np.uint8
    np.testing.assert_allclose(found / 255, prepare(decode(as_png(pixels)), contract)[0, 0], atol=0.5 / 255 + 1e-6)


def test_no_border_is_cut_off_twice(pixels: np.ndarray) -> None:
    """But for the outermost pixels, where the filter of the resize still sees the border beside it."""
    whole = in_memory(film("a", pixels), SETTINGS).astype(int)
    without = in_memory(film("a", pixels[4:-4, 8:-8], cropped=True), SETTINGS)
    twice = in_memory(film("a", pixels[4:-4, 8:-8]), SETTINGS)

    assert abs(whole - without)[2:-2, 2:-2].max() <= 2
    assert abs(whole - twice).mean() > 10
    assert whole.max() < 240, "nothing of the white border is left"


def test_a_stranger_goes_the_same_way(pixels: np.ndarray) -> None:
    assert (picture_in_memory(pixels, SETTINGS) == in_memory(film("a", pixels), SETTINGS)).all()


def test_a_second_set_gives_further_copies_of_the_same_films(pixels: np.ndarray) -> None:
    own = [film("a", pixels), film("b", pixels // 2)]
    more = [film("b", pixels[4:-4, 8:-8] // 3, cropped=True), film("c", pixels)]

    found = load(own, more, SETTINGS)

    assert [one.name for one in found.films] == ["a", "b"], "films that only the second set has are not learnt from"
    assert [copies.shape for copies in found.pixels] == [(1, 64, 64), (2, 64, 64)]
    assert (found.pixels[1][0] == in_memory(own[1], SETTINGS)).all()
    assert (found.pixels[1][1] == in_memory(more[0], SETTINGS)).all()
    assert (found.firsts() == np.stack([in_memory(one, SETTINGS) for one in own])).all()


def test_duplicates_are_not_learnt_from(pixels: np.ndarray) -> None:
    found = load([film("a", pixels), film("b", pixels, duplicate=True)], [], SETTINGS)

    assert [one.name for one in found.films] == ["a"]


def test_of_each_film_a_copy_is_drawn_at_random(pixels: np.ndarray) -> None:
    found = load([film("a", pixels), film("b", pixels // 2)], [film("b", pixels // 3)], SETTINGS)

    drawn = found.drawn([1] * 60, np.random.default_rng(0))

    seen = {copy.tobytes() for copy in drawn}
    assert seen == {copy.tobytes() for copy in found.pixels[1]}, "both copies come, and nothing else"
    assert (drawn == found.drawn([1] * 60, np.random.default_rng(0))).all()
    assert (found.drawn([1, 0], np.random.default_rng(0))[1] == found.pixels[0][0]).all(), "in the order asked for"


def test_chosen_films_keep_what_is_known_of_them() -> None:
    found = load(films(2), [], SETTINGS)

    part = found.chosen([3, 0])

    assert [one.name for one in part.films] == [found.films[3].name, found.films[0].name]
    assert part.pneumonia.tolist() == [True, False]
    assert (part.pixels[0] == found.pixels[3]).all()


def test_a_file_that_is_no_image_is_named() -> None:
    broken = replace(films(1)[0], name="NORMAL/IM-0001-0001.jpeg", read=lambda: b"no image")

    with pytest.raises(DataError, match=r"NORMAL/IM-0001-0001\.jpeg cannot be decoded"):
        load([broken], [], SETTINGS)
