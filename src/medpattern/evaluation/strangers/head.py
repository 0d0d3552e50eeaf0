"""Radiographs of the head: skull from the front and the side, and the panoramic film of all teeth."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.canvas import Canvas, random_frame
from medpattern.evaluation.strangers.exposure import exposed
from medpattern.evaluation.strangers.family import Pixels, sides


def skull(rng: Generator) -> Pixels:
    """A skull from the front or the side."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.25, shift=0.1, scale=(0.85, 1.15)))
    if rng.random() < 0.5:
        _skull_from_front(rng, canvas)
    else:
        _skull_from_side(rng, canvas)
    return exposed(rng, canvas)


def _skull_from_front(rng: Generator, canvas: Canvas) -> None:
    width, height = float(rng.uniform(0.5, 0.62)), float(rng.uniform(0.6, 0.7))
    canvas.flesh((0, -0.1), (width + 0.06, height + 0.12), thickness=0.5)
    canvas.limb((0, 0.5), (0, 1.9), 0.36, density=0.7)
    canvas.ellipsoid((0, -0.22), (width, height), density=0.5, hollow=0.85, rim=0.94)
    canvas.ellipsoid((0, 0.2), (width * 0.72, 0.5), density=0.25, hollow=0.5, power=2.5)
    for side in (-1, 1):
        canvas.ellipsoid((0.24 * side, 0.0), (0.19, 0.16), angle=0.15 * side, density=0.5, hollow=1.25, rim=0.9)
        canvas.flesh((0.24 * side, 0.0), (0.15, 0.12), thickness=-0.15, add=True)
        canvas.flesh((0.22 * side, 0.27), (0.12, 0.14), thickness=-0.15, add=True)
        canvas.tube((width * 0.8 * side, 0.25), (width * 0.66 * side, 0.62), 0.06, flare=0.2)
        canvas.tube((width * 0.66 * side, 0.62), (0.1 * side, 0.8), 0.075, flare=0.1)
    canvas.flesh((0, 0.2), (0.08, 0.2), thickness=-0.3, add=True)
    canvas.tube((0, -0.05), (0, 0.36), 0.012, flare=0.0, density=2.0, marrow=0.0)
    _teeth_row(rng, canvas, 0.52, 0.26)
    for number in range(5):
        canvas.ellipsoid((0, 0.72 + 0.19 * number), (0.16, 0.075), density=0.4, hollow=0.4, power=4)


def _teeth_row(rng: Generator, canvas: Canvas, y: float, half: float) -> None:
    """Upper and lower teeth from the front."""
    for x in np.linspace(-half, half, 10):
        for side in (-1, 1):
            centre = (float(x), y + side * 0.06 + 0.05 * float(x * x) / half)
            canvas.ellipsoid(centre, (0.025, 0.06), density=2.0 + float(rng.normal(0, 0.3)), power=3)


def _skull_from_side(rng: Generator, canvas: Canvas) -> None:
    length, height = float(rng.uniform(0.68, 0.8)), float(rng.uniform(0.52, 0.62))
    canvas.flesh((0.05, -0.2), (length + 0.06, height + 0.08), thickness=0.5)
    canvas.flesh((-0.45, 0.35), (0.32, 0.55), thickness=0.45, power=2.5)
    canvas.limb((0.2, 0.3), (0.35, 1.9), 0.36, density=0.7)
    canvas.ellipsoid((0.08, -0.25), (length, height), angle=0.1, density=0.5, hollow=0.88, rim=0.94)
    for start, end, radius in (
        ((-0.55, 0.0), (-0.15, 0.1), 0.05), ((-0.15, 0.1), (0.3, 0.22), 0.07), ((0.3, 0.22), (0.6, 0.15), 0.05),
        ((-0.62, -0.1), (-0.5, 0.4), 0.07), ((-0.6, 0.4), (-0.15, 0.42), 0.05), ((-0.02, 0.25), (-0.1, 0.62), 0.08),
        ((-0.1, 0.62), (-0.6, 0.78), 0.08),
    ):  # fmt: skip
        canvas.tube(start, end, radius * float(rng.uniform(0.8, 1.1)), flare=0.15, density=0.7)
    canvas.flesh((-0.42, 0.12), (0.14, 0.13), thickness=-0.2, add=True)
    canvas.flesh((0.05, 0.75), (0.06, 0.6), thickness=-0.3, add=True)
    canvas.ellipsoid((0.22, 0.2), (0.16, 0.1), density=1.0, hollow=0.3)
    for x in np.linspace(-0.6, -0.25, 6):
        for side in (-1, 1):
            canvas.ellipsoid((float(x), 0.56 + 0.065 * side), (0.03, 0.07), density=1.8, power=3)
    for number in range(6):
        canvas.ellipsoid((0.3 + 0.02 * number, 0.42 + 0.2 * number), (0.12, 0.08), density=0.6, hollow=0.4, power=4)


def panoramic(rng: Generator) -> Pixels:
    """All teeth on one film: two bowed rows, the lower jaw around them, the neck's shadow in the middle."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.05, shift=0.05, scale=(0.85, 1.05)))
    canvas.flesh((0, 0), (1.5, 1.1), thickness=0.5, power=4)
    canvas.flesh((0, 0), (0.25, 1.4), thickness=float(rng.uniform(0.1, 0.35)), add=True)
    bow = float(rng.uniform(-0.1, 0.35))
    jaw = [(x, 0.62 - 0.5 * bow - (bow + 0.15) * x * x) for x in (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)]
    canvas.bow(jaw, 0.16, density=0.5)
    for side in (-1, 1):
        canvas.tube((1.0 * side, jaw[0][1]), (1.18 * side, -0.55), 0.14, flare=0.1, density=0.5)
        canvas.flesh((0.45 * side, -0.5), (0.35, 0.2), thickness=-0.2, add=True)
    canvas.tube((-0.8, -0.25), (0.8, -0.25), 0.09, flare=0.0, density=0.5)
    canvas.flesh((0, -0.55), (0.14, 0.22), thickness=-0.25, add=True)
    for x in np.linspace(-0.82, 0.82, int(rng.integers(12, 17))):
        for side in (-1, 1):
            if rng.random() < 0.95:
                _tooth(rng, canvas, float(x), 0.16 - bow * float(x * x) + 0.02 * side, side)
    return exposed(rng, canvas)


def _tooth(rng: Generator, canvas: Canvas, x: float, y: float, side: int) -> None:
    """A crown at the gap between the rows, one or two roots away from it, and perhaps a filling."""
    width = 0.035 + 0.03 * abs(x)
    lean = float(rng.normal(0, 0.02)) + 0.05 * x
    canvas.ellipsoid((x, y + 0.06 * side), (width, 0.07), density=1.5, power=3)
    for offset in (-0.5 * width, 0.5 * width) if abs(x) > 0.45 else (0.0,):
        canvas.tube(
            (x + offset, y + 0.1 * side), (x + offset + lean, y + 0.3 * side), 0.55 * width, flare=0.0, marrow=0.4
        )
    if rng.random() < 0.12:
        canvas.ellipsoid((x, y + 0.04 * side), (0.6 * width, 0.03), density=8.0, power=3)
