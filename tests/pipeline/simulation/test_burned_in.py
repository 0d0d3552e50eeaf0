"""Burned-in text lies in the corners, is visible, and leaves the rest of the film alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from medpattern.pipeline.simulation.burned_in import CORNERS, STYLES, Inscription, draw_inscriptions, inscribe
from medpattern.pipeline.simulation.patient import draw_patient
from medpattern.pipeline.simulation.phantom import draw_phantom


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_style_is_legible_against_its_background(style: str, dtype: type) -> None:
    film = np.full((200, 300), np.iinfo(dtype).max // 3, dtype)
    done = inscribe(film, [Inscription(("SYN1",), ("top", "left"), 20, style)])  # type: ignore[arg-type, list-item]
    strokes = np.unique(done.pixels[done.ink])
    assert done.ink.sum() > 100
    extreme = 0 if style == "black" else np.iinfo(dtype).max
    assert extreme in strokes
    assert film.max() == film.min(), "the input changed"


@pytest.mark.parametrize("corner", CORNERS)
def test_text_lies_in_its_corner(corner: tuple[str, str]) -> None:
    film = np.zeros((200, 300), np.uint8)
    ink = inscribe(film, [Inscription(("AB",), corner, 12, "white")]).ink  # type: ignore[arg-type]
    rows, columns = np.nonzero(ink)
    assert (rows.max() < 60) if corner[0] == "top" else (rows.min() > 140)
    assert (columns.max() < 90) if corner[1] == "left" else (columns.min() > 210)


def test_a_film_gets_the_name_in_one_corner_and_a_side_marker_in_another() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        patient = draw_patient(rng, datetime(2026, 1, 5, tzinfo=UTC))
        inscriptions = draw_inscriptions(rng, patient, 400, 400)
        corners = [inscription.corner for inscription in inscriptions]
        assert inscriptions[0].lines[0].endswith(f"-Synthetic {patient.given_name}")
        assert inscriptions[-1].lines[0] in ("R", "L")
        assert len(set(corners)) == len(corners)
        phantom = draw_phantom(rng, 400, 400)
        done = inscribe(phantom.pixels, inscriptions)
        assert 0.001 < done.ink.mean() < 0.15
