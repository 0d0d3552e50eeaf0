"""Radiographs of arms and legs: hands, feet, shafts and joints."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.canvas import Canvas, Point, random_frame
from medpattern.evaluation.strangers.exposure import exposed
from medpattern.evaluation.strangers.family import Pixels, sides


def hand(rng: Generator) -> Pixels:
    """A hand from the palm, fingers up, of any age from small child to grown-up."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.5, scale=(0.8, 1.15)))
    young = bool(rng.random() < 0.6)
    spread, thick = rng.uniform(0.06, 0.2), rng.uniform(0.032, 0.046)
    canvas.flesh((0.02, 0.2), (0.4, 0.42), thickness=0.3, power=3)
    canvas.limb((0, 0.45), (0, 1.6), 0.24, density=0.65)
    for number, (length, base, head) in enumerate(
        ((0.84, -0.2, -0.05), (0.94, -0.08, -0.1), (0.87, 0.05, -0.06), (0.68, 0.17, 0.03))
    ):
        angle = (number - 1.4) * spread + float(rng.normal(0, 0.03))
        start = (base, 0.3 + 0.03 * number)
        knuckle = (base * 1.45, head)
        canvas.tube(start, knuckle, thick)
        _finger(canvas, knuckle, angle, length, thick, young)
    _finger(canvas, (-0.22, 0.36), -0.75 - spread, 0.95, thick * 1.1, young)
    _carpals(rng, canvas, young)
    for x, radius in ((-0.1, 0.09), (0.12, 0.06)):
        canvas.tube((x, 0.58), (x * 1.1, 1.7), radius * 0.8, flare=0.5)
    return exposed(rng, canvas)


def _finger(canvas: Canvas, start: Point, angle: float, length: float, thick: float, young: bool) -> None:
    """Three bones in a row from `start` at `angle` from upright, in a child each with its growth plate."""
    direction = np.array((np.sin(angle), -np.cos(angle)))
    place = np.array(start)
    end = place + direction * length
    canvas.limb(tuple(place - direction * 0.1), tuple(end), 0.1, density=0.7, taper=0.7)
    for share, width in ((0.46, 1.0), (0.29, 0.85), (0.2, 0.7)):
        gap = 0.035 if young else 0.018
        base = place + direction * (gap + (0.03 if young else 0))
        place = place + direction * length * share
        if young:
            canvas.ellipsoid(tuple(base - direction * 0.035), (thick * width * 1.1, 0.014), angle=angle, density=1.0)
        canvas.tube(tuple(base), tuple(place - direction * gap), thick * width * 0.85, flare=0.45)


def _carpals(rng: Generator, canvas: Canvas, young: bool) -> None:
    """Eight wrist bones in two rows; in a small child only some have turned to bone."""
    for y in (0.40, 0.50):
        for column in range(4):
            if young and rng.random() < 0.5:
                continue
            centre = (
                -0.15 + 0.1 * column + float(rng.normal(0, 0.01)),
                y + 0.02 * abs(column - 1.5) + float(rng.normal(0, 0.01)),
            )
            size = float(rng.uniform(0.035, 0.058))
            canvas.ellipsoid(
                centre, (size, size * 0.9), angle=float(rng.uniform(0, 3)), density=0.9, hollow=0.4, power=3
            )


def foot(rng: Generator) -> Pixels:
    """A foot from above, or from the side with heel and ankle."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.4, scale=(0.85, 1.2)))
    if rng.random() < 0.5:
        _foot_from_above(rng, canvas)
    else:
        _foot_from_side(rng, canvas)
    return exposed(rng, canvas)


def _foot_from_above(rng: Generator, canvas: Canvas) -> None:
    canvas.flesh((0, 0.1), (0.42, 0.95), thickness=0.35, power=2.6)
    for number, length in enumerate((0.34, 0.26, 0.24, 0.22, 0.18)):
        thick = 0.06 if number == 0 else 0.034
        x = -0.24 + 0.12 * number
        start, knuckle = (x * 0.8, 0.28 + 0.03 * number), (x * 1.25, -0.32 + 0.055 * number)
        canvas.tube(start, knuckle, thick)
        angle = 0.15 * (number - 1.5) / 2 + float(rng.normal(0, 0.05))
        _finger(canvas, knuckle, angle, length * 1.3, thick, bool(rng.random() < 0.3))
    for _ in range(7):
        centre = (float(rng.uniform(-0.2, 0.2)), float(rng.uniform(0.34, 0.6)))
        canvas.ellipsoid(centre, (0.09, 0.075), angle=float(rng.uniform(0, 3)), density=0.8, hollow=0.4, power=3)
    canvas.ellipsoid((0.02, 0.8), (0.15, 0.26), density=0.8, hollow=0.4)


def _foot_from_side(rng: Generator, canvas: Canvas) -> None:
    canvas.limb((0.42, -1.6), (0.45, 0.3), 0.3, density=0.6, taper=0.8)
    canvas.limb((0.5, 0.38), (-0.8, 0.55), 0.3, density=0.6, taper=0.45)
    canvas.tube((0.4, -1.6), (0.4, 0.05), 0.11, flare=0.5)
    canvas.tube((0.55, -1.6), (0.53, 0.08), 0.05, flare=0.5)
    canvas.ellipsoid((0.38, 0.18), (0.2, 0.12), hollow=0.4, density=0.8)
    canvas.ellipsoid((0.6, 0.42), (0.28, 0.15), angle=0.3, hollow=0.4, density=0.8, power=2.6)
    for x, y in ((0.12, 0.26), (0.0, 0.3), (0.14, 0.4)):
        canvas.ellipsoid((x, y), (0.1, 0.08), hollow=0.3, density=0.8, power=3)
    for number in range(5):
        drop = 0.03 * number
        knuckle = (-0.5, 0.52 + drop)
        canvas.tube((-0.05, 0.34 + drop), knuckle, 0.04, density=0.7)
        _finger(canvas, knuckle, -np.pi / 2 + float(rng.normal(0, 0.08)), 0.4, 0.035, young=False)


def shaft(rng: Generator) -> Pixels:
    """Upper arm, forearm, thigh or lower leg along the film, now and then broken, plated or in a cast."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.5, scale=(0.8, 1.3)))
    thick = float(rng.uniform(0.09, 0.16))
    pair = bool(rng.random() < 0.55)
    canvas.limb(
        (0, -1.6),
        (0, 1.6),
        thick * rng.uniform(2.4, 4.0) + (0.1 if pair else 0),
        density=0.6,
        taper=float(rng.uniform(0.6, 1)),
    )
    ends = (-float(rng.uniform(0.7, 1.5)), float(rng.uniform(0.7, 1.5)))
    for x, radius in ((-0.13, thick), (0.13, thick * rng.uniform(0.5, 0.9))) if pair else ((0.0, thick),):
        _shaft(rng, canvas, float(x), ends, float(radius))
    if rng.random() < 0.2:
        canvas.limb((0, -0.7), (0, 0.9), 0.55, density=0.8)
    if rng.random() < 0.15:
        canvas.tube((thick, -0.4), (thick, 0.5), 0.03, density=8.0, marrow=0.0, flare=0.0)
    return exposed(rng, canvas)


def _shaft(rng: Generator, canvas: Canvas, x: float, ends: tuple[float, float], radius: float) -> None:
    """One bone from end to end, in one case of four broken in the middle."""
    if rng.random() > 0.25:
        canvas.tube((x, ends[0]), (x, ends[1]), radius, flare=float(rng.uniform(0.3, 1.0)))
        return
    middle = float(rng.uniform(-0.3, 0.3))
    canvas.tube((x, ends[0]), (x, middle), radius, flare=0.1)
    canvas.tube(
        (x + float(rng.normal(0, 0.06)), middle + 0.03), (x + float(rng.normal(0, 0.2)), ends[1]), radius, flare=0.1
    )


def joint(rng: Generator) -> Pixels:
    """A knee from the front or the side, an elbow, or a hip and shoulder seen alone."""
    canvas = Canvas(*sides(rng), random_frame(rng, turn=0.4, scale=(0.8, 1.3)))
    (_knee, _bent_joint, _ball_joint)[int(rng.integers(3))](rng, canvas)
    return exposed(rng, canvas)


def _knee(rng: Generator, canvas: Canvas) -> None:
    canvas.limb((0, -1.8), (0, 1.8), 0.62, density=0.5, taper=float(rng.uniform(0.6, 0.9)))
    gap = float(rng.uniform(0.02, 0.06))
    canvas.tube((0, -1.8), (0, -0.25), 0.17, flare=0.6)
    canvas.tube((0, gap + 0.2), (0, 1.8), 0.16, flare=0.7)
    for side in (-1, 1):
        canvas.ellipsoid((0.17 * side, -0.19), (0.2, 0.2), density=0.6, hollow=0.3)
        canvas.ellipsoid((0.16 * side, gap + 0.1), (0.2, 0.12), density=0.6, hollow=0.3, power=3)
    canvas.ellipsoid((0.02, -0.35), (0.14, 0.16), density=0.5)
    canvas.tube((0.34, gap + 0.28), (0.32, 1.8), 0.055, flare=0.6)


def _bent_joint(rng: Generator, canvas: Canvas) -> None:
    """Knee or elbow from the side, bent by 20 to 110 degrees."""
    bend = float(np.radians(rng.uniform(20, 110)))
    thick = float(rng.uniform(0.12, 0.17))
    far = (float(np.sin(bend)) * 1.9, float(np.cos(bend)) * 1.9)
    canvas.limb((0, -1.9), (0, 0), 0.5, density=0.5, taper=0.8)
    canvas.limb((0, 0), far, 0.42, density=0.5, taper=0.8)
    canvas.tube((0, -1.9), (0, -0.08), thick, flare=0.5)
    canvas.ellipsoid((0.0, -0.05), (0.2, 0.2), density=0.7, hollow=0.4)
    start = (float(np.sin(bend)) * 0.22, float(np.cos(bend)) * 0.22)
    canvas.tube(start, far, thick * 0.9, flare=0.5)
    canvas.tube((start[0] - 0.1, start[1] + 0.1), (far[0] - 0.12, far[1] + 0.12), thick * 0.45, flare=0.5)
    canvas.ellipsoid((-0.3, -0.12), (0.07, 0.14), angle=-0.2, density=0.9, hollow=0.4)


def _ball_joint(rng: Generator, canvas: Canvas) -> None:
    """Hip or shoulder: a head on a neck and shaft, and a socket."""
    canvas.flesh((-0.3, -0.2), (1.4, 1.1), thickness=0.8, power=3)
    canvas.limb((0.1, 0), (0.3, 1.9), 0.5, density=0.7, taper=0.8)
    canvas.ellipsoid((0, 0), (0.22, 0.22), density=0.8, hollow=0.5)
    canvas.tube((0.02, 0.02), (0.3, 0.25), 0.12, flare=0.3)
    canvas.tube((0.32, 0.15), (0.36, 1.9), 0.14, flare=0.2)
    canvas.ellipsoid((-0.15, -0.12), (0.34, 0.34), density=0.5, hollow=0.95, rim=0.9)
    canvas.ellipsoid((-0.5, -0.45), (0.45, 0.3), angle=float(rng.uniform(0.3, 1.2)), density=0.3, hollow=0.8)
    canvas.tube((-0.9, -0.55), (0.15, -0.4), 0.05, flare=0.3)
