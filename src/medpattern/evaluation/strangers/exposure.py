"""From attenuation to a film: scatter, film curve, grain, shutters, markers; different each time."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from medpattern.evaluation.strangers.canvas import Canvas, Map
from medpattern.evaluation.strangers.family import Pixels, quantised
from medpattern.evaluation.strangers.fields import power_noise, smooth_noise
from medpattern.evaluation.strangers.phantoms import burned_in


def exposed(rng: Generator, canvas: Canvas) -> Pixels:
    """The film of a canvas; one in twelve inverted, one in six with a modality's text."""
    shape = (canvas.height, canvas.width)
    trabeculae = 1 + rng.uniform(0.03, 0.14) * power_noise(rng, shape, 0.6)
    tissue = canvas.soft * (1 + rng.uniform(0.0, 0.12) * smooth_noise(rng, shape, int(rng.integers(4, 20))))
    total = softened(tissue + rng.uniform(1.0, 2.4) * canvas.bone * trabeculae, int(rng.integers(1, 5)))
    total += rng.uniform(0.0, 0.25) * hazed(total)
    film = _curve(rng, np.maximum(total, 0))
    film += rng.uniform(0.003, 0.025) * _grain(rng, shape) * (0.4 + film)
    film = _shuttered(rng, film)
    if rng.random() < 1 / 12:
        film = 1 - film
    pixels = marked(rng, quantised(film))
    return burned_in(rng, pixels) if rng.random() < 1 / 6 else pixels


def softened(picture: Map, passes: int) -> Map:
    """Blurred with the binomial kernel 1-2-1 in both directions, `passes` times (deviation sqrt(passes / 2) pixels)."""
    for _ in range(passes):
        for axis in (0, 1):
            padded = np.pad(picture, [(1, 1) if axis == at else (0, 0) for at in (0, 1)], mode="edge")
            first, last = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
            picture = 0.5 * picture + 0.25 * (first + last)
    return picture


def hazed(picture: Map) -> Map:
    """Blurred over about an eighth of the film: scattered rays."""
    from PIL import Image

    image = Image.fromarray(np.asarray(picture, np.float32))
    small = image.resize((8, 8), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), np.float32)


def marked(rng: Generator, pixels: Pixels) -> Pixels:
    """Two in five with a lead letter somewhere near the edge."""
    if rng.random() > 0.4:
        return pixels
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    height, width = pixels.shape
    size = max(8, round(min(height, width) * rng.uniform(0.05, 0.1)))
    place = (float(rng.choice((0.06, 0.85))) * width, float(rng.uniform(0.05, 0.85)) * height)
    text = ("R", "L", "R", "L", "AP", "LAT", "1", "X")[int(rng.integers(8))]
    ImageDraw.Draw(image).text(place, text, fill=int(rng.integers(200, 256)), font=ImageFont.load_default(size))
    return np.asarray(image)


def _curve(rng: Generator, total: Map) -> Map:
    """Brightness from 0 to about 1 over some fog; its window begins anywhere below the middle."""
    high = max(float(np.quantile(total[::3, ::3], rng.uniform(0.96, 0.998))), 0.2)
    base = rng.uniform(0.0, 0.75) * min(float(np.median(total[::3, ::3])), 0.8 * high)
    level = np.maximum((total - base) / (high - base), 0) ** rng.uniform(0.6, 1.3)
    if rng.random() < 0.5:
        level = 1 - np.exp(-2.2 * level**1.3)
    fog = rng.uniform(0.0, 0.12)
    return np.asarray(fog + (rng.uniform(0.75, 1.05) - fog) * level, np.float32)


def _grain(rng: Generator, shape: tuple[int, int]) -> Map:
    grain = rng.standard_normal(shape, np.float32)
    return softened(grain, 1) * 2 if rng.random() < 0.5 else grain


def _shuttered(rng: Generator, film: Map) -> Map:
    """Two in five with nearly black borders, straight, slanting, or round as an image intensifier's."""
    if rng.random() > 0.4:
        return film
    height, width = film.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    if rng.random() < 0.15:
        inside = np.hypot(x, y) < rng.uniform(0.9, 1.15)
    else:
        turn = np.float32(rng.uniform(-0.15, 0.15) if rng.random() < 0.4 else 0.0)
        u, v = x + turn * y, y - turn * x
        left, right, top, bottom = rng.uniform(0.68, 1.05, 4)
        inside = (u > -left) & (u < right) & (v > -top) & (v < bottom)
    return np.where(inside, film, film * np.float32(rng.choice((0.0, 0.05, 0.15))))
