"""Tests for shortcuts: what is taken away is gone, what is left is left, and a model that cheats is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medpattern.evaluation.film import DataError, Film
from medpattern.evaluation.filmfiles import as_png
from medpattern.evaluation.shortcuts import (
    CHEST,
    FIELDS,
    INNER,
    PLAIN,
    REMOVALS,
    Removal,
    aspect_test,
    mask_of,
    removal_scores,
    shortcut_tests,
)
from tests.evaluation.drawn import drawn_films
from tests.evaluation.test_occlusion import SIDE, looking_at, place

BY_NAME = {removal.name: removal for removal in REMOVALS}
FILM = np.random.default_rng(1).integers(20, 200, (90, 120)).astype(np.uint8)
OTHER = np.full((50, 60), 255, np.uint8)


def altered(name: str, film: NDArray[np.uint8] = FILM) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    removal: Removal = BY_NAME[name]
    mask = mask_of(removal.places, film.shape, 0.0)
    return removal.alter(film, mask, OTHER, np.random.default_rng(0)), mask


@pytest.mark.parametrize("name", ["lungs out", "lung fields out"])
def test_what_is_taken_away_is_one_grey_that_the_rest_decides(name: str) -> None:
    found, mask = altered(name)
    brighter = FILM.copy()
    brighter[mask] = 250

    assert len(np.unique(found[mask])) == 1
    assert np.array_equal(found[~mask], FILM[~mask])
    assert np.array_equal(altered(name, brighter)[0], found), "nothing of the lungs shows, not even their brightness"


@pytest.mark.parametrize("name", ["edges out", "background of the other class", "background of noise"])
def test_what_lies_inside_stays(name: str) -> None:
    found, mask = altered(name)

    assert np.array_equal(found[mask], FILM[mask])
    assert (found[~mask] != FILM[~mask]).mean() > 0.9


def test_the_background_is_that_of_the_other_film() -> None:
    found, mask = altered("background of the other class")

    assert (found[~mask] == 255).all()


def test_the_places_lie_where_they_are_said_to() -> None:
    chest, fields = mask_of(CHEST, (200, 200), 0.0), mask_of(FIELDS, (200, 200), 0.0)

    assert chest[fields].all(), "the rectangle holds both ellipses"
    assert chest.mean() == pytest.approx(0.88 * 0.82, rel=0.06)
    assert chest[94, 100]
    assert not chest[:, :10].any()
    assert not chest[:10].any()
    assert fields[94, 62]
    assert fields[94, 138]
    inner = mask_of(INNER, (200, 200), 0.0)
    assert inner.sum() == (200 - 2 * 16) ** 2


def test_places_lie_within_what_the_contract_leaves() -> None:
    whole, cropped = mask_of(CHEST, (200, 200), 0.0), mask_of(CHEST, (250, 250), 0.1)

    assert np.array_equal(cropped[25:-25, 25:-25], whole)
    assert not cropped[:25].any()


def films(each: int, left_edge: bool) -> list[Film]:
    """Drawn films without any sign of disease, those of pneumonia with a white left edge or a white middle."""

    def marked(film: Film) -> bytes:
        pixels = np.random.default_rng([3, int(film.pneumonia), len(film.name)]).integers(60, 90, (64, 64))
        if film.pneumonia:
            pixels[slice(None) if left_edge else slice(26, 38), slice(0, 5) if left_edge else slice(26, 38)] = 255
        return as_png(pixels.astype(np.uint8))

    return [replace(film, read=lambda film=film: marked(film)) for film in drawn_films(each)]


def test_a_model_that_looks_at_the_edge_is_found_out(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((0, SIDE), (0, 4)))

    tests = {test.name: test for test in shortcut_tests(predictor, films(4, left_edge=True))}

    assert tests["lungs out"].auc.value == 1
    assert tests["lungs out"].meets is False
    assert tests["background of the other class"].auc.value == 0
    assert tests["edges out"].auc.value is not None
    assert tests["edges out"].auc.value < 1


def test_a_model_that_looks_at_the_middle_passes(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((26, 38), (26, 38)))
    told: list[tuple[int, int, str]] = []

    tests = {
        test.name: test
        for test in shortcut_tests(predictor, films(4, left_edge=False), lambda *done: told.append(done))
    }

    assert tests["lungs out"].auc.value is not None
    assert tests["lungs out"].auc.value < 1
    for name in ("edges out", "background of the other class", "background of noise"):
        assert tests[name].auc.value == 1, name
        assert tests[name].meets is None
        assert tests[name].films == 8
    assert {name for _, _, name in told} == {PLAIN, *BY_NAME}
    assert max(done for done, _, _ in told) < told[0][1] == 8 * (1 + len(REMOVALS))


def test_scores_are_sets_of_one_table_and_repeat(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((0, SIDE), (0, 4)))

    table = removal_scores(predictor, drawn_films(2))

    assert table.sets == (PLAIN, *BY_NAME)
    assert removal_scores(predictor, drawn_films(2)) == table


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((0, SIDE), (0, 4)))

    with pytest.raises(DataError, match="both classes"):
        shortcut_tests(predictor, [film for film in drawn_films(2) if film.pneumonia])


def test_a_film_that_cannot_be_decoded_is_named() -> None:
    with pytest.raises(DataError, match=r"NORMAL/0\.png cannot be decoded"):
        aspect_test([replace(drawn_films(1)[0], read=lambda: b"no film")])


def test_the_aspect_ratio_alone() -> None:
    def wide(film: Film) -> bytes:
        return as_png(np.full((60, 90 if film.pneumonia else 70), 9, np.uint8))

    wider = [replace(film, read=lambda film=film: wide(film)) for film in drawn_films(3)]

    found = aspect_test(wider)

    assert found is not None
    assert found.auc.value == 1
    assert found.films == 6
    assert aspect_test(drawn_films(3)) is None, "all of one shape"
    assert aspect_test([]) is None
