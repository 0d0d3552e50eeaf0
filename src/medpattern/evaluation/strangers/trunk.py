"""Radiographs of the trunk that are no frontal chest: abdomen, pelvis, spine and chest from the side."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.canvas import Canvas, Point, random_frame
from medpattern.evaluation.strangers.exposure import exposed
from medpattern.evaluation.strangers.family import Pixels, sides


def abdomen(rng: Generator) -> Pixels:
    """A belly from the front: spine, lowest ribs, upper rims of the pelvis, and gas in the bowel."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.06, shift=0.06))
    width = float(rng.uniform(0.75, 1.05))
    canvas.flesh((0, 0), (width, 1.9), thickness=1.2, power=3)
    canvas.flesh((-0.45, -0.55), (0.5, 0.42), thickness=0.25, add=True)
    for side in (-1, 1):
        canvas.flesh((0.16 * side, 0.1), (0.12, 0.7), angle=-0.2 * side, thickness=0.1, add=True)
    _bowel_gas(rng, canvas, width)
    _column(canvas, [(0.0, -1.2 + 0.24 * number) for number in range(10)], 0.11)
    for number in range(3):
        y = -0.95 + 0.17 * number
        for side in (-1, 1):
            _arc(canvas, [(0.12 * side, y), (0.5 * side, y + 0.1), (0.8 * width * side, y + 0.4)], 0.025)
    _iliac_wings(rng, canvas, 0.95)
    return exposed(rng, canvas)


def _bowel_gas(rng: Generator, canvas: Canvas, width: float) -> None:
    """Round and long bubbles, along the frame of the colon and anywhere."""
    for _ in range(int(rng.integers(6, 26))):
        if rng.random() < 0.5:
            angle = float(rng.uniform(-np.pi, 0.3))
            centre = (0.65 * width * float(np.cos(angle)), 0.1 + 0.55 * float(np.sin(angle)))
        else:
            centre = (float(rng.uniform(-0.6, 0.6)) * width, float(rng.uniform(-0.5, 0.8)))
        radii = (float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.04, 0.12)))
        canvas.flesh(centre, radii, angle=float(rng.uniform(0, 3)), thickness=-float(rng.uniform(0.15, 0.6)), add=True)
    if rng.random() < 0.5:
        canvas.flesh((0.4, -0.6), (0.25, 0.16), thickness=-0.5, add=True)


def pelvis(rng: Generator) -> Pixels:
    """Both hips, the ring of the pelvis, and the upper thighs."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.08, shift=0.1))
    canvas.flesh((0, -0.4), (1.1, 1.2), thickness=1.0, power=3)
    for side in (-1, 1):
        canvas.limb((0.5 * side, 0.3), (0.55 * side, 2.0), 0.4, density=0.9)
    _bowel_gas(rng, canvas, 0.5)
    _iliac_wings(rng, canvas, -0.2)
    _column(canvas, [(0.0, -1.1), (0.0, -0.86), (0.0, -0.62)], 0.12)
    canvas.ellipsoid((0, -0.32), (0.17, 0.26), density=0.9, hollow=0.4)
    for side in (-1, 1):
        _hip(rng, canvas, side)
    return exposed(rng, canvas)


def _iliac_wings(rng: Generator, canvas: Canvas, y: float) -> None:
    tilt = float(rng.uniform(0.4, 0.7))
    for side in (-1, 1):
        canvas.ellipsoid((0.46 * side, y - 0.2), (0.27, 0.42), angle=side * tilt, density=0.35, hollow=0.75, rim=0.92)


def _hip(rng: Generator, canvas: Canvas, side: int) -> None:
    out = float(rng.uniform(0.25, 0.4))
    canvas.ellipsoid((0.48 * side, 0.12), (0.15, 0.15), density=0.7, hollow=0.4)
    canvas.tube((0.5 * side, 0.13), (0.68 * side, 0.3), 0.08, flare=0.2)
    canvas.tube((0.7 * side, 0.2), ((0.7 - 0.3 * out) * side, 1.9), 0.1, flare=0.2)
    canvas.ellipsoid((0.22 * side, 0.38), (0.19, 0.15), angle=0.6 * side, density=0.7, hollow=1.0, rim=0.72)
    canvas.ellipsoid((0.42 * side, 0.08), (0.2, 0.2), density=0.3, hollow=0.9, rim=0.9)


def spine(rng: Generator) -> Pixels:
    """Neck or loins from the side: a curved row of vertebrae with their processes."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.15, shift=0.2, scale=(0.9, 1.5)))
    curve, size = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.1, 0.17))
    count = int(2.8 / (1.75 * size))
    places = [(curve * float(np.cos(2.2 * t)) - 0.1, float(t) * 1.4) for t in np.linspace(-1, 1, count)]
    canvas.flesh((float(rng.uniform(-0.5, 0.1)), 0), (float(rng.uniform(0.7, 1.3)), 2.2), thickness=0.9, power=3)
    _column(canvas, places, size, from_side=True)
    for x, y in places:
        canvas.tube((x + 1.3 * size, y + 0.2 * size), (x + 3.0 * size, y + 1.1 * size), 0.3 * size, flare=0.5)
        canvas.ellipsoid((x + 1.5 * size, y), (0.3 * size, 0.7 * size), angle=0.4, density=0.6)
    if rng.random() < 0.4:
        canvas.ellipsoid((-0.2, -1.5), (0.8, 0.6), density=0.3, hollow=0.8, rim=0.93)
        _arc(canvas, [(-0.2, -0.95), (-0.6, -0.75), (-1.0, -0.9)], 0.1)
        canvas.flesh((-0.45, 0.1), (0.1, 1.4), thickness=-0.4, add=True)
    return exposed(rng, canvas)


def lateral_chest(rng: Generator) -> Pixels:
    """A chest from the side: one dark field between breastbone and spine, the heart in front, two domes below."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.08, shift=0.08, scale=(0.9, 1.1)))
    canvas.flesh((0, 0.1), (0.8, 1.9), thickness=1.0, power=3)
    canvas.limb((0.0, -0.75), (-0.6, -1.6), 0.3, density=1.0)
    canvas.flesh((0.05, -0.1), (0.58, 0.85), angle=float(rng.uniform(-0.1, 0.1)), thickness=-0.75, power=2.6, add=True)
    canvas.flesh((-0.24, 0.22), (0.3, 0.36), angle=0.4, thickness=0.5, add=True)
    canvas.flesh((0.0, -0.2), (0.16, 0.4), thickness=0.15, add=True)
    for number in range(2):
        canvas.flesh(
            (0.1, 0.98 + 0.08 * number),
            (0.75, 0.55),
            angle=0.2,
            thickness=float(rng.uniform(0.2, 0.4)),
            power=2.4,
            add=True,
        )
    _column(
        canvas,
        [(0.52 + 0.12 * float(np.cos(1.5 * t)), float(t) * 1.15) for t in np.linspace(-1, 1, 13)],
        0.085,
        from_side=True,
    )
    for number in range(9):
        y = -0.75 + 0.17 * number
        _arc(canvas, [(0.62, y), (0.1, y + 0.12), (-0.45, y + 0.32)], 0.02)
    _arc(canvas, [(-0.42, -0.65), (-0.6, -0.2), (-0.64, 0.3)], 0.035)
    return exposed(rng, canvas)


def _column(canvas: Canvas, places: list[Point], size: float, *, from_side: bool = False) -> None:
    """Vertebral bodies, blocks a little flatter than wide; from the front with pedicles and processes."""
    for x, y in places:
        canvas.ellipsoid((x, y), (size, size * 0.78), density=0.7, hollow=0.45, power=4)
        if from_side:
            continue
        canvas.ellipsoid((x, y + 0.3 * size), (0.18 * size, 0.5 * size), density=1.0)
        for side in (-1, 1):
            canvas.ellipsoid(
                (x + 0.6 * size * side, y - 0.2 * size), (0.22 * size, 0.28 * size), density=1.0, hollow=0.8
            )
            canvas.tube((x + 0.8 * size * side, y), (x + 1.7 * size * side, y + 0.1 * size), 0.16 * size, flare=0.3)


def _arc(canvas: Canvas, points: list[Point], radius: float) -> None:
    """A rib or another thin bone along a smooth curve through three points."""
    start, middle, end = (np.array(point) for point in points)
    steps = np.linspace(0, 1, 9)[:, None]
    control = 2 * middle - 0.5 * (start + end)
    curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * control + steps**2 * end
    canvas.bow([(float(x), float(y)) for x, y in curve], radius, density=0.9)
