"""The remover: text goes or the image is held back, anatomy stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.deidentification.interface import Reason, Verdict
from medpattern.pipeline.simulation.burned_in import (
    CORNERS,
    STYLES,
    Inscribed,
    Inscription,
    draw_inscriptions,
    inscribe,
)
from medpattern.pipeline.simulation.patient import draw_patient
from medpattern.pipeline.simulation.phantom import draw_phantom

REMOVER = BurnedInTextRemover()
NAME = "Fairweather-Synthetic Edda"
Film = NDArray[np.uint8] | NDArray[np.uint16]


def phantom(seed: int, side: int = 512, bits: int = 8) -> Film:
    return draw_phantom(np.random.default_rng([77, seed]), side, side, bits=bits, pneumonia=bool(seed % 2)).pixels  # type: ignore[arg-type]


def inscribed(count: int, side: int) -> Iterator[Inscribed]:
    for seed in range(count):
        rng = np.random.default_rng([78, seed])
        patient = draw_patient(rng, datetime(2026, 1, 5, tzinfo=UTC))
        film = phantom(seed, side, 16 if seed % 3 == 0 else 8)
        yield inscribe(film, draw_inscriptions(rng, patient, side, side))


@pytest.mark.parametrize("side", [320, 512, 1024])
def test_no_published_film_shows_a_legible_part_of_its_text(side: int) -> None:
    """A name is never left; a side marker on an equally bright ground may be (docs/deidentification.md)."""
    untouched = 0
    films = list(inscribed(24, side))
    for film in films:
        result = REMOVER.deidentify(film.pixels)
        left = (film.ink & ~result.mask).sum() / film.ink.sum()
        untouched += bool(result.verdict is not Verdict.QUARANTINE and left > 0)
        assert result.verdict is Verdict.QUARANTINE or left < 0.15
        assert result.verdict is not Verdict.CLEAN
    assert untouched <= 1


@pytest.mark.parametrize("side", [320, 512, 1024])
def test_anatomy_without_text_is_left_alone(side: int) -> None:
    verdicts = Counter(REMOVER.deidentify(phantom(seed, side)).verdict for seed in range(40))
    assert verdicts[Verdict.CLEAN] >= 39


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_name_goes_in_every_style_corner_and_depth(style: str, corner: tuple[str, str], bits: int) -> None:
    film = inscribe(phantom(4, bits=bits), [Inscription((NAME,), corner, 13, style)])  # type: ignore[arg-type]
    result = REMOVER.deidentify(film.pixels)
    assert result.verdict is Verdict.REMOVED
    assert not (film.ink & ~result.mask).any()


def test_what_is_filled_is_black_and_nothing_else_changes() -> None:
    film = inscribe(phantom(4, bits=16), [Inscription((NAME,), ("top", "left"), 13, "white")]).pixels
    before = film.copy()
    result = REMOVER.deidentify(film)
    assert result.pixels.dtype == np.uint16
    assert (result.pixels[result.mask] == 0).all()
    assert np.array_equal(result.pixels[~result.mask], before[~result.mask])
    assert np.array_equal(film, before), "the input changed"
    assert 0 < result.mask.mean() < 0.1


def test_text_of_a_few_grey_levels_in_a_narrow_sixteen_bit_range_is_found() -> None:
    """12-bit values in 16-bit storage, one hot pixel: the text spans 6 of 256 levels of the whole range."""
    text = inscribe(np.full((400, 500), 8, np.uint8), [Inscription((NAME,), ("top", "left"), 13, "white")])
    film = (text.pixels.astype(np.uint16) * 6).astype(np.uint16)
    film[200, 250] = 65535
    result = REMOVER.deidentify(film)
    assert not (text.ink & ~result.mask).any()


def test_text_that_runs_upwards_never_stays_in_a_published_film() -> None:
    film = inscribe(phantom(6), [Inscription((NAME, "ID SYN01234567"), ("top", "left"), 13, "white")])
    result = REMOVER.deidentify(np.ascontiguousarray(np.rot90(film.pixels)))
    left = np.rot90(film.ink) & ~result.mask
    assert result.verdict is Verdict.QUARANTINE or not left.any()


def test_declared_text_that_is_not_found_quarantines() -> None:
    film = phantom(4)
    assert REMOVER.deidentify(film, declared_burned_in=None).verdict is Verdict.CLEAN
    assert REMOVER.deidentify(film, declared_burned_in=False).verdict is Verdict.CLEAN
    result = REMOVER.deidentify(film, declared_burned_in=True)
    assert (result.verdict, result.reason) == (Verdict.QUARANTINE, Reason.DECLARED_NOT_FOUND)


def test_declared_text_that_is_found_is_removed() -> None:
    film = inscribe(phantom(4), [Inscription((NAME,), ("bottom", "right"), 13, "white")])
    assert REMOVER.deidentify(film.pixels, declared_burned_in=True).verdict is Verdict.REMOVED


def test_a_page_full_of_text_is_quarantined() -> None:
    lines = tuple(f"Finding {number}: nothing of note in this synthetic report" for number in range(22))
    page = inscribe(np.zeros((512, 512), np.uint8), [Inscription(lines, ("top", "left"), 14, "white")])
    assert REMOVER.deidentify(page.pixels).verdict is Verdict.QUARANTINE


def test_the_share_that_may_be_filled_is_the_caller_s() -> None:
    film = inscribe(phantom(4), [Inscription((NAME,), ("top", "left"), 13, "white")]).pixels
    result = BurnedInTextRemover(most_filled=0.001).deidentify(film)
    assert (result.verdict, result.reason) == (Verdict.QUARANTINE, Reason.TOO_MUCH)


def test_text_across_the_lungs_is_not_published_with_holes_in_them() -> None:
    film = phantom(4)
    words = inscribe(np.zeros((60, 320), np.uint8), [Inscription((NAME,), ("top", "left"), 15, "white")])
    film[220:280, 100:420] = np.maximum(film[220:280, 100:420], words.pixels)
    result = REMOVER.deidentify(film)
    assert (result.verdict, result.reason) == (Verdict.QUARANTINE, Reason.MIDDLE)


def test_films_too_small_to_be_judged_are_quarantined() -> None:
    result = REMOVER.deidentify(np.zeros((63, 400), np.uint8))
    assert (result.verdict, result.reason) == (Verdict.QUARANTINE, Reason.UNREADABLE)


@pytest.mark.parametrize(("height", "width"), [(100, 3000), (2900, 130), (4000, 3000), (1001, 803)])
def test_text_is_found_in_films_of_any_form(height: int, width: int) -> None:
    text = inscribe(np.zeros((height, width), np.uint8), [Inscription(("SYN123",), ("top", "left"), 24, "white")])
    result = REMOVER.deidentify(text.pixels)
    assert result.verdict is Verdict.REMOVED
    assert not (text.ink & ~result.mask).any()


def test_a_blank_film_is_clean() -> None:
    assert REMOVER.deidentify(np.full((300, 300), 7, np.uint16)).verdict is Verdict.CLEAN


@settings(max_examples=25, deadline=None)
@given(
    arrays(
        st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]),
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
    )
)
def test_any_array_gets_a_verdict_and_keeps_its_form(pixels: Film) -> None:
    result = REMOVER.deidentify(pixels, declared_burned_in=None)
    assert result.pixels.shape == result.mask.shape == pixels.shape
    assert result.pixels.dtype == pixels.dtype
    assert (result.verdict is Verdict.QUARANTINE) == bool(result.reason)


def test_pure_noise_is_judged_without_a_crash() -> None:
    rng = np.random.default_rng(0)
    for shape in ((64, 64), (500, 900), (1200, 1200)):
        REMOVER.deidentify(rng.integers(0, 256, shape).astype(np.uint8))
