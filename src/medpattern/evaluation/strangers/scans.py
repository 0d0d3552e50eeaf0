"""Pictures of other devices: mammograms, ultrasound, axial slices, microscopes, and what stands in for a patient."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.canvas import Canvas, Map, random_frame
from medpattern.evaluation.strangers.exposure import exposed, marked, softened
from medpattern.evaluation.strangers.family import Pixels, quantised, sides
from medpattern.evaluation.strangers.fields import power_noise, smooth_noise
from medpattern.evaluation.strangers.phantoms import burned_in


def mammogram(rng: Generator) -> Pixels:
    """A breast at one edge of a black film, glandular strands in it, perhaps the muscle in the corner."""
    height, width = sides(rng)
    y, x = _grid(height, width)
    x = (x + 1) / rng.uniform(1.0, 1.7)
    inside = np.maximum(1 - x**2 - ((y - rng.uniform(-0.2, 0.2)) / rng.uniform(0.75, 1.0)) ** 2, 0)
    strands = np.clip(0.5 + 0.5 * power_noise(rng, (height, width), rng.uniform(1.2, 1.8)), 0, 1.6)
    gland = np.exp(-(((x - 0.4) / 0.35) ** 2) - (y / 0.5) ** 2)
    film = inside**0.3 * (0.25 + rng.uniform(0.1, 0.6) * strands * gland)
    if rng.random() < 0.5:
        film += 0.35 * np.clip(8 * (rng.uniform(-0.3, 0.2) - y - 1.2 * x), 0, 1) * (inside > 0)
    film += rng.uniform(0.005, 0.03) * rng.standard_normal(film.shape)
    pixels = marked(rng, quantised(film[:, ::-1] if rng.random() < 0.5 else film))
    return burned_in(rng, pixels) if rng.random() < 0.3 else pixels


def ultrasound(rng: Generator) -> Pixels:
    """A fan or a block of speckle with layers, dark cysts, bright edges and the shadows below them."""
    height, width = sides(rng)
    y, x = _grid(height, width)
    if rng.random() < 0.75:
        top = rng.uniform(1.1, 1.5)
        depth, angle = np.hypot(x, y + top), np.arctan2(x, y + top)
        inside = (
            (np.abs(angle) < rng.uniform(0.4, 0.75)) & (depth > top - 1 + 0.15) & (depth < top + rng.uniform(0.7, 0.95))
        )
    else:
        depth, angle = np.broadcast_to(y + 1.2, (height, width)), np.broadcast_to(x, (height, width))
        inside = (np.abs(x) < 0.75) & (np.abs(y) < 0.85)
    tissue = 0.35 + 0.2 * smooth_noise(rng, (height, width), 6) + 0.12 * np.sin(depth * rng.uniform(8, 30))
    for _ in range(int(rng.integers(0, 5))):
        q = np.hypot(
            (x - rng.uniform(-0.5, 0.5)) / rng.uniform(0.08, 0.3), (y - rng.uniform(-0.4, 0.6)) / rng.uniform(0.08, 0.3)
        )
        tissue = np.where(q < 1, rng.uniform(0.02, 0.12), tissue) + 0.5 * np.exp(-(((q - 1) / 0.08) ** 2))
    if rng.random() < 0.4:
        place, start = rng.uniform(-0.3, 0.3), rng.uniform(0.9, 1.6)
        shadow = (np.abs(angle - place) < rng.uniform(0.03, 0.12)) & (depth > start)
        tissue = tissue * np.where(shadow, 0.15, 1.0) + 0.7 * np.exp(
            -(((depth - start) / 0.03) ** 2) - ((angle - place) / 0.08) ** 2
        )
    speckle = softened(np.asarray(rng.rayleigh(1.0, (height, width)), np.float32), int(rng.integers(1, 4)))
    pixels = quantised(np.where(inside, np.clip(tissue, 0, 1.2) * speckle * rng.uniform(0.5, 1.0), 0.0))
    return burned_in(rng, pixels) if rng.random() < 0.6 else pixels


def axial_slice(rng: Generator) -> Pixels:
    """A slice across chest, belly or head: grey is density itself, not a sum along a ray."""
    height, width = sides(rng)
    y, x = _grid(height, width)
    angle = rng.uniform(-0.15, 0.15)
    x, y = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    film = np.zeros((height, width), np.float32)
    (_slice_of_head, _slice_of_chest, _slice_of_belly)[int(rng.integers(3))](rng, x, y, film)
    film = softened(film, int(rng.integers(1, 3)))
    film += rng.uniform(0.0, 0.04) * power_noise(rng, (height, width), 0.3)
    pixels = marked(rng, quantised(film))
    return burned_in(rng, pixels) if rng.random() < 0.3 else pixels


def _slice_of_head(rng: Generator, x: Map, y: Map, film: Map) -> None:
    a, b = rng.uniform(0.6, 0.75), rng.uniform(0.75, 0.92)
    _fill(film, x, y, (0, 0, a + 0.05, b + 0.05), 0.3)
    _fill(film, x, y, (0, 0, a, b), rng.uniform(0.85, 1.0))
    _fill(film, x, y, (0, 0, a - 0.07, b - 0.07), rng.uniform(0.35, 0.55))
    film += np.where(film < 0.6, 0.06 * np.sign(smooth_noise(rng, film.shape, 14)) * (film > 0.32), 0)
    for side in (-1, 1):
        _fill(film, x, y, (0.12 * side, -0.12, 0.06, 0.22), 0.18)
        _fill(film, x, y, (0.14 * side, 0.25, 0.05, 0.17), 0.18)
    _fill(film, x, y, (0, 0, 0.012, b - 0.1), 0.6)
    if rng.random() < 0.3:
        _fill(film, x, y, (rng.uniform(-0.3, 0.3), rng.uniform(-0.4, 0.4), 0.14, 0.1), rng.uniform(0.1, 0.8))


def _slice_of_chest(rng: Generator, x: Map, y: Map, film: Map) -> None:
    a, b = rng.uniform(0.85, 0.97), rng.uniform(0.58, 0.7)
    _fill(film, x, y, (0, 0, a, b), 0.3)
    _fill(film, x, y, (0, 0, a - 0.06, b - 0.06), 0.5)
    for side in (-1, 1):
        _fill(film, x, y, (0.42 * side, -0.02, 0.32, 0.46), rng.uniform(0.02, 0.12))
        for _ in range(12):
            radius = rng.uniform(0.008, 0.03)
            _fill(film, x, y, (side * rng.uniform(0.2, 0.6), rng.uniform(-0.25, 0.25), radius, radius), 0.5)
        for turn in np.linspace(-1.2, 1.2, 6):
            _fill(film, x, y, (side * (a - 0.12) * np.cos(turn), (b - 0.1) * np.sin(turn), 0.06, 0.03), 0.9)
    _fill(film, x, y, (0.08, -0.1, 0.26, 0.24), 0.6)
    _fill(film, x, y, (0.12, 0.26, 0.06, 0.06), 0.65)
    _spine_across(film, x, y, b)


def _slice_of_belly(rng: Generator, x: Map, y: Map, film: Map) -> None:
    a, b = rng.uniform(0.8, 0.97), rng.uniform(0.6, 0.75)
    _fill(film, x, y, (0, 0, a, b), rng.uniform(0.2, 0.3))
    _fill(film, x, y, (0, 0, a - 0.09, b - 0.08), 0.42)
    _fill(film, x, y, (-0.36, -0.12, 0.4, 0.36), rng.uniform(0.55, 0.65))
    _fill(film, x, y, (0.55, 0.1, 0.15, 0.22), rng.uniform(0.55, 0.7))
    for side in (-1, 1):
        _fill(film, x, y, (0.38 * side, 0.28, 0.13, 0.16), rng.uniform(0.55, 0.8))
        _fill(film, x, y, (0.2 * side, b - 0.16, 0.16, 0.1), 0.5)
    for _ in range(int(rng.integers(2, 9))):
        place = (rng.uniform(-0.2, 0.5), rng.uniform(-0.45, 0.15), rng.uniform(0.04, 0.12), rng.uniform(0.04, 0.1))
        _fill(film, x, y, place, rng.choice((0.02, 0.5, 0.85)))
    _fill(film, x, y, (0.05, 0.2, 0.055, 0.055), rng.uniform(0.5, 0.9))
    _spine_across(film, x, y, b)


def _spine_across(film: Map, x: Map, y: Map, b: float) -> None:
    _fill(film, x, y, (0, b - 0.26, 0.12, 0.1), 0.9)
    _fill(film, x, y, (0, b - 0.13, 0.045, 0.04), 0.4)
    for side in (-1, 1):
        _fill(film, x, y, (0.12 * side, b - 0.13, 0.1, 0.025), 0.9)
    _fill(film, x, y, (0, b - 0.07, 0.025, 0.06), 0.9)


def physics_object(rng: Generator) -> Pixels:
    """What physicists expose: wedges of steps, discs of falling contrast, bars of line pairs, a mesh."""
    height, width = sides(rng)
    y, x = _grid(height, width)
    film = np.full((height, width), rng.uniform(0.1, 0.9), np.float32)
    steps = int(rng.integers(5, 14))
    wedge = np.abs(y - rng.uniform(-0.7, 0.7)) < rng.uniform(0.1, 0.3)
    film = np.where(wedge, np.floor((x + 1) / 2 * steps) / steps, film).astype(np.float32)
    for number in range(int(rng.integers(0, 20))):
        _fill(film, x, y, (-0.8 + 0.4 * (number % 5), -0.7 + 0.4 * (number // 5), 0.1, 0.1), 0.5 + 0.03 * number)
    if rng.random() < 0.5:
        bars = (np.abs(x) < 0.4) & (np.abs(y - 0.5) < 0.2)
        film = np.where(bars, 0.5 + 0.4 * np.sign(np.sin(60 * np.exp(1.5 * x) * x)), film).astype(np.float32)
    if rng.random() < 0.4:
        film += 0.2 * ((np.mod(x, 0.2) < 0.012) | (np.mod(y, 0.2) < 0.012))
    film = softened(film, 1) + rng.uniform(0.003, 0.03) * rng.standard_normal(film.shape, np.float32)
    return marked(rng, quantised(film))


def things(rng: Generator) -> Pixels:
    """Tubes, lumps, rings and blocks anywhere, as in a bag that is screened."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=3.1))
    if rng.random() < 0.6:
        canvas.flesh(
            (0, 0),
            (float(rng.uniform(0.6, 1.4)), float(rng.uniform(0.5, 1.4))),
            thickness=0.7,
            power=float(rng.choice((2, 4))),
        )
    for _ in range(int(rng.integers(3, 16))):
        x, y, u, v = (float(value) for value in rng.uniform(-1, 1, 4))
        size, other, angle = (float(value) for value in rng.uniform((0.03, 0.03, 0), (0.3, 0.3, 3)))
        if rng.random() < 0.4:
            canvas.tube((x, y), (u, v), 0.4 * size, marrow=float(rng.uniform(0, 1)), flare=float(rng.uniform(0, 0.6)))
        elif rng.random() < 0.6:
            canvas.ellipsoid(
                (x, y), (size, other), angle=angle, hollow=float(rng.uniform(0, 1)), power=float(rng.choice((2, 2, 4)))
            )
        else:
            canvas.flesh((x, y), (size, other), angle=angle, thickness=float(rng.uniform(-0.5, 0.7)), add=True)
    return exposed(rng, canvas)


def microscopy(rng: Generator) -> Pixels:
    """Cells with a nucleus each, bright on dark or stained on a pale slide."""
    height, width = sides(rng)
    y, x = _grid(height, width)
    film = np.full((height, width), 0.1, np.float32) + 0.05 * smooth_noise(rng, (height, width), 8)
    size = rng.uniform(0.05, 0.2)
    for _ in range(int(min(120, rng.uniform(0.3, 1.2) / size**2))):
        place, radii = rng.uniform(-1, 1, 2), size * rng.uniform(0.7, 1.2, 2)
        _fill(film, x, y, (place[0], place[1], radii[0], radii[1]), rng.uniform(0.3, 0.5))
        _fill(film, x, y, (place[0], place[1], radii[0] * 0.4, radii[1] * 0.45), rng.uniform(0.65, 0.95))
    film = softened(film, int(rng.integers(1, 6))) + rng.uniform(0, 0.05) * power_noise(rng, (height, width), 0.5)
    return quantised(film if rng.random() < 0.5 else 0.95 - 0.8 * film)


def _grid(height: int, width: int) -> tuple[Map, Map]:
    """y and x from -1 to 1."""
    return (
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
        np.linspace(-1, 1, width, dtype=np.float32)[None, :],
    )


def _fill(film: Map, x: Map, y: Map, place: tuple[float, float, float, float], value: float) -> None:
    """The ellipse (centre x, y, radius across, down) in one grey, in place."""
    film[((x - place[0]) / place[2]) ** 2 + ((y - place[1]) / place[3]) ** 2 < 1] = value
