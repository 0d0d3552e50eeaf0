"""Line art, shapes, trees, landscapes and faces such as people and programs draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.family import Pixels, quantised, sides
from medpattern.evaluation.strangers.fields import power_noise, smooth_noise

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw


def line_art(rng: Generator) -> Pixels:
    """Strokes, arcs, spirals and polygons in one pen."""
    image, draw, ink = _sheet(rng)
    width, height = image.size
    pen = int(rng.integers(1, 7))
    for _ in range(int(rng.integers(3, 30))):
        x, y = rng.random(2) * (width, height)
        radius = float(rng.uniform(0.05, 0.4)) * min(width, height)
        choice = int(rng.integers(4))
        if choice == 0:
            draw.line([tuple(point) for point in (rng.random((4, 2)) * (width, height)).tolist()], fill=ink, width=pen)
        elif choice == 1:
            box = (float(x) - radius, float(y) - radius, float(x) + radius, float(y) + radius)
            draw.arc(box, float(rng.uniform(0, 360)), float(rng.uniform(0, 360)), fill=ink, width=pen)
        elif choice == 2:
            turn = np.linspace(0, rng.uniform(6, 30), 80)
            spiral = np.stack(
                (x + radius * turn / turn[-1] * np.cos(turn), y + radius * turn / turn[-1] * np.sin(turn)), 1
            )
            draw.line([tuple(point) for point in spiral.tolist()], fill=ink, width=pen)
        else:
            draw.regular_polygon(
                (float(x), float(y), radius), int(rng.integers(3, 9)), float(rng.uniform(0, 90)), outline=ink, width=pen
            )
    return np.asarray(image)


def shapes(rng: Generator) -> Pixels:
    """Filled ellipses, polygons and bars over each other, hard or soft at the edges."""
    from PIL import ImageFilter

    image, draw, _ = _sheet(rng)
    width, height = image.size
    for _ in range(int(rng.integers(2, 25))):
        x, y = (rng.random(2) * (width, height)).tolist()
        across, down = (rng.uniform(0.05, 0.5, 2) * (width, height)).tolist()
        grey, choice = int(rng.integers(256)), int(rng.integers(3))
        if choice == 0:
            draw.ellipse((x - across / 2, y - down / 2, x + across / 2, y + down / 2), fill=grey)
        elif choice == 1:
            draw.rectangle((x, y, x + across, y + down), fill=grey)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
            draw.polygon([(x + across * float(np.cos(a)), y + down * float(np.sin(a))) for a in angles], fill=grey)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.choice((0.0, 1.0, 4.0))))))


def tree(rng: Generator) -> Pixels:
    """Branches that fork again and again: trees, roots, rivers, vessels full of dye."""
    image, draw, ink = _sheet(rng)
    width, height = image.size
    fork, shrink = float(rng.uniform(0.25, 0.7)), float(rng.uniform(0.68, 0.8))
    tips = [
        (
            width * float(rng.uniform(0.3, 0.7)),
            float(height),
            -np.pi / 2,
            height * 0.25,
            height * float(rng.uniform(0.02, 0.06)),
        )
    ]
    for _ in range(int(rng.integers(6, 9))):
        grown = []
        for x, y, angle, length, thick in tips:
            end = (x + length * float(np.cos(angle)), y + length * float(np.sin(angle)))
            draw.line((x, y, *end), fill=ink, width=max(1, round(thick)))
            for side in (-1, 1):
                turned = angle + side * fork * float(rng.uniform(0.4, 1.4))
                grown.append((*end, turned, length * shrink * float(rng.uniform(0.8, 1.1)), thick * 0.68))
        tips = grown
    drawing = np.rot90(np.asarray(image, np.float32) / 255.0, int(rng.integers(4)))
    return quantised(drawing + rng.uniform(0.0, 0.08) * power_noise(rng, drawing.shape, float(rng.uniform(0, 1.5))))


def landscape(rng: Generator) -> Pixels:
    """A sky and some ridges of hills before it, each darker or paler than the one behind; sun or moon."""
    height, width = sides(rng)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    field = rng.uniform(0.4, 0.9) + rng.uniform(-0.3, 0.3) * y + 0.08 * smooth_noise(rng, (height, width), 6)
    field = np.where(np.hypot(x - rng.random(), y - rng.uniform(0, 0.4)) < rng.uniform(0.03, 0.1), 1.0, field)
    for number in range(int(rng.integers(2, 6))):
        ridge = (
            0.35
            + 0.13 * number
            + sum(
                rng.uniform(0, 0.12) / wave * np.sin(2 * np.pi * wave * x + rng.uniform(0, 6.3))
                for wave in (1, 2, 5, 11)
            )
        )
        grey = rng.uniform(0.05, 0.8) + 0.06 * smooth_noise(rng, (height, width), 40)
        field = np.where(y > ridge, grey, field)
    return quantised(field)


def cartoon_face(rng: Generator) -> Pixels:
    """An oval with eyes, nose, mouth, ears and hair."""
    from PIL import ImageFilter

    image, draw, ink = _sheet(rng)
    width, height = image.size
    x, y = width * float(rng.uniform(0.4, 0.6)), height * float(rng.uniform(0.45, 0.6))
    across, down = width * float(rng.uniform(0.18, 0.36)), height * float(rng.uniform(0.25, 0.4))
    skin, pen = int(rng.integers(60, 250)), int(rng.integers(1, 5))
    draw.ellipse((x - 1.1 * across, y - 1.25 * down, x + 1.1 * across, y + 0.2 * down), fill=int(rng.integers(0, 160)))
    for side in (-1, 1):
        draw.ellipse(
            (x + side * across - across * 0.15, y - 0.2 * down, x + side * across + across * 0.15, y + 0.15 * down),
            fill=skin,
        )
    draw.ellipse((x - across, y - down, x + across, y + down), fill=skin, outline=ink, width=pen)
    for side in (-1, 1):
        eye, size = x + side * 0.4 * across, across * float(rng.uniform(0.1, 0.2))
        draw.ellipse(
            (eye - size, y - 0.3 * down - size * 0.6, eye + size, y - 0.3 * down + size * 0.6), fill=250, outline=0
        )
        draw.ellipse(
            (eye - size * 0.4, y - 0.3 * down - size * 0.4, eye + size * 0.4, y - 0.3 * down + size * 0.4), fill=10
        )
        draw.arc((eye - 1.6 * size, y - 0.55 * down, eye + 1.6 * size, y - 0.2 * down), 200, 340, fill=0, width=pen)
    draw.line(
        (x, y - 0.15 * down, x - 0.1 * across, y + 0.2 * down, x + 0.08 * across, y + 0.2 * down), fill=ink, width=pen
    )
    start = float(rng.choice((20, 200)))
    draw.arc(
        (x - 0.45 * across, y + 0.3 * down, x + 0.45 * across, y + 0.7 * down),
        start,
        start + 140,
        fill=0,
        width=pen + 1,
    )
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.choice((0.0, 0.7, 2.0))))))


def _sheet(rng: Generator) -> tuple[Image, ImageDraw, int]:
    """Light paper with dark ink, or the other way round."""
    from PIL import Image, ImageDraw

    height, width = sides(rng)
    paper, ink = int(rng.integers(180, 256)), int(rng.integers(0, 90))
    if rng.random() < 0.4:
        paper, ink = ink, paper
    image = Image.new("L", (width, height), paper)
    return image, ImageDraw.Draw(image), ink
