"""Papers and screens: pages of text, forms, handwriting, screenshots, codes, ECG strips."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.family import Pixels, quantised, sides
from medpattern.evaluation.strangers.fields import power_noise, smooth_noise

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

SYLLABLES = (
    "ra", "di", "o", "lo", "gie", "be", "fund", "ver", "an", "te", "mus", "cor", "pul", "mo", "nis", "the", "of",
    "ing", "tion", "al", "ex", "re", "con", "12", "3.5", "mg",
)  # fmt: skip


def page(rng: Generator) -> Pixels:
    """Printed text in one or two columns, with a heading, now and then with a picture's frame."""
    image, draw = _sheet(rng)
    width, height = image.size
    size, columns = int(rng.integers(6, 19)), int(rng.integers(1, 3))
    margin = width * float(rng.uniform(0.04, 0.12))
    draw.text((margin, margin), _words(rng, 3).title(), fill=0, font=_font(int(size * 1.6)))
    for column in range(columns):
        left = margin + column * (width - margin) / columns
        y = margin + 2.5 * size
        while y < height - margin:
            if rng.random() < 0.9:
                _line(rng, draw, left, y, (width - margin) / columns - margin, size)
            y += size * 1.35
    if rng.random() < 0.3:
        x, y = width * float(rng.uniform(0.1, 0.5)), height * float(rng.uniform(0.2, 0.6))
        draw.rectangle((x, y, x + width * 0.4, y + height * 0.3), fill=int(rng.integers(60, 220)), outline=0)
    return _printed(rng, image)


def form(rng: Generator) -> Pixels:
    """Boxes, tables and labels, partly filled in."""
    image, draw = _sheet(rng)
    width, height = image.size
    rows, columns = int(rng.integers(3, 16)), int(rng.integers(1, 7))
    left, top = width * 0.06, height * float(rng.uniform(0.05, 0.3))
    down, across = (height * 0.94 - top) / rows, width * 0.88 / columns
    size = int(np.clip(down * 0.5, 6, 16))
    draw.text((left, top * 0.3), _words(rng, 4).upper(), fill=0, font=_font(size))
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * across, top + row * down
            shade = 190 if row == 0 and rng.random() < 0.7 else 255
            draw.rectangle((x, y, x + across, y + down), fill=shade, outline=int(rng.integers(0, 120)))
            if rng.random() < 0.7:
                _line(rng, draw, x + 3, y + 2, across * float(rng.uniform(0.3, 0.9)), size)
    return _printed(rng, image)


def handwriting(rng: Generator) -> Pixels:
    """Lines of joined loops and strokes, as of a pen, ruled paper or not."""
    image, draw = _sheet(rng)
    width, height = image.size
    step = height / float(rng.uniform(4, 12))
    ink, pen, slant = int(rng.integers(0, 90)), max(1, round(step / rng.uniform(9, 20))), float(rng.uniform(-0.2, 0.6))
    ruled = bool(rng.random() < 0.5)
    y = step
    while y < height - step * 0.3:
        if ruled:
            draw.line((0, y, width, y), fill=190)
        x = width * float(rng.uniform(0.04, 0.15))
        while x < width * float(rng.uniform(0.7, 0.95)):
            x = _written_word(rng, draw, x, y, step * 0.3, slant, (ink, pen)) + step * 0.35
        y += step
    return _printed(rng, image)


def _written_word(
    rng: Generator, draw: ImageDraw, x: float, y: float, size: float, slant: float, pen: tuple[int, int]
) -> float:
    """One word from x on the line y; returns where it ends."""
    points = []
    for _ in range(int(rng.integers(2, 9))):
        tall = float(rng.choice((1.0, 1.0, 1.0, 2.2, -1.0))) * float(rng.uniform(0.8, 1.2))
        loop = float(rng.uniform(0.1, 0.5))
        for turn in np.linspace(0, 2 * np.pi, 9):
            rise = tall * (1 - np.cos(turn)) / 2 * size
            points.append((float(x + size * 0.13 * turn - loop * size * np.sin(turn) + slant * rise), float(y - rise)))
        x += size * 0.85
    draw.line(points, fill=pen[0], width=pen[1], joint="curve")
    return x


def screenshot(rng: Generator) -> Pixels:
    """Windows, bars, buttons, lists and charts of a computer's screen, light or dark."""
    dark = bool(rng.random() < 0.5)
    image, draw = _sheet(rng, 30 if dark else 240)
    width, height = image.size
    ink = 220 if dark else 20
    bar = max(8, height // 14)
    draw.rectangle((0, 0, width, bar), fill=70 if dark else 200)
    _line(rng, draw, 4, 1, width * 0.5, int(bar * 0.7), ink)
    for _ in range(int(rng.integers(1, 6))):
        x, y = float(rng.uniform(0, 0.7)) * width, bar + float(rng.uniform(0, 0.7)) * height
        across, down = width * float(rng.uniform(0.2, 0.6)), height * float(rng.uniform(0.15, 0.5))
        draw.rectangle((x, y, x + across, y + down), fill=int(rng.integers(30, 250)), outline=ink)
        draw.rectangle((x, y, x + across, y + bar * 0.7), fill=int(rng.integers(40, 200)))
        if rng.random() < 0.5:
            heights = rng.random(8) * down * 0.7
            for number, tall in enumerate(heights):
                left = x + across * (number + 0.2) / 8
                draw.rectangle((left, y + down - float(tall), left + across / 14, y + down), fill=ink)
        else:
            for number in range(int(down / (bar + 2))):
                _line(rng, draw, x + 4, y + bar * (number + 0.8), across * 0.8, max(6, int(bar * 0.7)), ink)
    return np.asarray(image)


def code(rng: Generator) -> Pixels:
    """Squares as of a matrix code, with its three corner marks, or the bars of a line code, on paper."""
    image, draw = _sheet(rng)
    width, height = image.size
    if rng.random() < 0.5:
        x = width * 0.1
        while x < width * 0.9:
            bar = float(rng.integers(1, 5)) * width / 180
            draw.rectangle((x, height * 0.15, x + bar, height * 0.75), fill=0)
            x += bar + float(rng.integers(1, 5)) * width / 180
        draw.text((width * 0.2, height * 0.8), str(int(rng.integers(10**12))), fill=0, font=_font(max(8, height // 14)))
        return _printed(rng, image)
    cells = int(rng.choice((21, 25, 29, 33, 41)))
    matrix = rng.random((cells, cells)) < 0.5
    ring = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
    for rows, columns in ((slice(0, 7), slice(0, 7)), (slice(0, 7), slice(-7, None)), (slice(-7, None), slice(0, 7))):
        matrix[rows, columns] = ring
    quiet = np.pad(matrix, int(rng.integers(1, 8)))
    from PIL import Image as Images

    return _printed(rng, Images.fromarray(quantised(1.0 - quiet)).resize(image.size, Images.Resampling.NEAREST))


def ecg(rng: Generator) -> Pixels:
    """Leads of an electrocardiogram on squared paper or on a dark monitor."""
    dark = bool(rng.random() < 0.3)
    image, draw = _sheet(rng, 10 if dark else 255)
    width, height = image.size
    square = max(4, width // int(rng.integers(20, 60)))
    for number in range(0 if dark else max(width, height) // square + 1):
        shade = 170 if number % 5 == 0 else 215
        draw.line((number * square, 0, number * square, height), fill=shade)
        draw.line((0, number * square, width, number * square), fill=shade)
    leads = int(rng.integers(1, 8))
    beats, ink = float(rng.uniform(3, 12)), 240 if dark else 20
    for lead in range(leads):
        t = np.linspace(0, beats, width) + rng.random()
        phase = np.mod(t, 1.0)
        wave = sum(
            float(rng.uniform(0.6, 1.3)) * tall * np.exp(-(((phase - at) / wide) ** 2))
            for at, wide, tall in (
                (0.2, 0.04, 0.15),
                (0.37, 0.012, -0.15),
                (0.4, 0.012, 1.0),
                (0.43, 0.012, -0.3),
                (0.65, 0.06, 0.3),
            )
        )
        y = (lead + 0.6) * height / leads - float(rng.choice((-1, 1, 1))) * wave * height / leads * 0.45
        y += 0.01 * height * rng.standard_normal(width) * rng.random()
        draw.line(list(zip(range(width), y.tolist(), strict=True)), fill=ink, width=max(1, width // 200))
        draw.text((2, lead * height / leads), ("I", "II", "III", "aVR", "V1", "V5")[lead % 6], fill=ink, font=_font(10))
    return _printed(rng, image)


def _sheet(rng: Generator, grey: int = 255) -> tuple[Image, ImageDraw]:
    from PIL import Image, ImageDraw

    height, width = sides(rng)
    image = Image.new("L", (width, height), grey)
    return image, ImageDraw.Draw(image)


def _line(rng: Generator, draw: ImageDraw, x: float, y: float, length: float, size: int, ink: int = 0) -> None:
    """Text of at most `length` pixels."""
    letters = int(length / (size * 0.55))
    draw.text((x, y), _words(rng, 1 + letters // 6)[: max(1, letters)], fill=ink, font=_font(size))


def _words(rng: Generator, count: int) -> str:
    picks = rng.integers(len(SYLLABLES), size=(count, 3))
    return " ".join("".join(SYLLABLES[int(pick)] for pick in word[: int(rng.integers(1, 4))]) for word in picks)


@cache
def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size)


def _printed(rng: Generator, image: Image) -> Pixels:
    """As a scanner or a camera sees it: turned a little, unevenly lit, paler ink; one in ten inverted."""
    from PIL import Image as Images

    paper = np.asarray(image, np.float32) / 255.0
    if rng.random() < 0.4:
        angle, beside = float(rng.uniform(-12, 12)), int(rng.choice((0, 255)))
        paper = np.asarray(image.rotate(angle, Images.Resampling.BILINEAR, fillcolor=beside), np.float32) / 255.0
    black, white = rng.uniform(0.0, 0.35), rng.uniform(0.7, 1.0)
    paper = black + (white - black) * paper
    if rng.random() < 0.5:
        paper = paper * (1 + 0.25 * smooth_noise(rng, paper.shape, 2)) + 0.02 * power_noise(rng, paper.shape, 0.5)
    return quantised(1 - paper if rng.random() < 0.1 else paper)
