"""Pictures of nothing: noise of several spectra, interference, and blanks."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medpattern.evaluation.strangers.family import Pixels, quantised, sides

Field = NDArray[np.floating]


def white_noise(rng: Generator) -> Pixels:
    """Each pixel on its own: normal, uniform, salt and pepper, or speckle."""
    shape = sides(rng)
    choice = int(rng.integers(4))
    if choice == 0:
        return quantised(rng.uniform(0.2, 0.8) + rng.uniform(0.05, 0.4) * rng.standard_normal(shape))
    if choice == 1:
        return quantised(rng.random(shape))
    if choice == 2:
        return quantised((rng.random(shape) < rng.uniform(0.05, 0.95)).astype(np.float32))
    return quantised(rng.exponential(rng.uniform(0.1, 0.5), shape))


def spectral_noise(rng: Generator) -> Pixels:
    """Noise whose amplitude falls with a power of the frequency: 0.5 to 2.5, pink (1) among them."""
    return quantised(_stretched(rng, power_noise(rng, sides(rng), rng.uniform(0.5, 2.5))))


def blobs(rng: Generator) -> Pixels:
    """Round or stretched spots of one size range on a plain ground, bright or dark."""
    height, width = sides(rng)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    field = np.full((height, width), rng.uniform(0.1, 0.9), np.float32)
    for _ in range(int(rng.integers(2, 14))):
        radius = rng.uniform(0.03, 0.25, 2)
        centre = rng.random(2)
        field += rng.uniform(-0.6, 0.6) * np.exp(
            -(((x - centre[0]) / radius[0]) ** 2) - ((y - centre[1]) / radius[1]) ** 2
        )
    field += rng.uniform(0.0, 0.05) * rng.standard_normal((height, width))
    return quantised(field)


def clouds(rng: Generator) -> Pixels:
    """Octaves of smooth noise, plain, billowed or with ridges (Perlin 1985 sums octaves the same way)."""
    height, width = sides(rng)
    field = np.zeros((height, width), np.float32)
    cells, weight, fall = int(rng.integers(2, 6)), 1.0, rng.uniform(0.4, 0.7)
    fold = int(rng.integers(3))
    for _ in range(5):
        octave = smooth_noise(rng, (height, width), cells)
        field += weight * (octave if fold == 0 else np.abs(octave) if fold == 1 else 1.0 - np.abs(octave))
        cells, weight = cells * 2, weight * fall
    return quantised(_stretched(rng, field))


def pattern(rng: Generator) -> Pixels:
    """Checks, bricks, dots, weaves or hexagons in rows, turned, unevenly lit."""
    height, width = sides(rng)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, cells = rng.uniform(0, np.pi) if rng.random() < 0.6 else 0.0, rng.uniform(2, 16)
    u, v = cells * (x * np.cos(angle) + y * np.sin(angle)), cells * (y * np.cos(angle) - x * np.sin(angle))
    choice = int(rng.integers(4))
    if choice == 0:
        field = np.mod(np.floor(u) + np.floor(v), 2)
    elif choice == 1:
        shifted = 0.5 * u + 0.5 * np.mod(np.floor(v), 2)
        field = ((np.mod(shifted, 1) > 0.06) & (np.mod(v, 1) > 0.12)) * (0.6 + 0.4 * np.sin(9.1 * np.floor(shifted)))
    elif choice == 2:
        field = np.hypot(np.mod(u, 1) - 0.5, np.mod(v + 0.5 * np.mod(np.floor(u), 2), 1) - 0.5) < rng.uniform(
            0.15, 0.45
        )
    else:
        field = np.where(np.mod(np.floor(u) + np.floor(v), 2) > 0, np.abs(np.sin(np.pi * u)), np.abs(np.sin(np.pi * v)))
    lit = 1 + 0.3 * smooth_noise(rng, (height, width), 3)
    return quantised(_stretched(rng, field.astype(np.float32) * lit + 0.05 * rng.standard_normal((height, width))))


def interference(rng: Generator) -> Pixels:
    """Gratings, rings and moiré: sums of waves."""
    height, width = sides(rng)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    field = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        angle, cycles, phase = (
            rng.uniform(0, np.pi),
            np.exp(rng.uniform(np.log(1.0), np.log(40.0))),
            rng.uniform(0, 6.3),
        )
        along = (
            np.hypot(x - rng.uniform(-1, 1), y - rng.uniform(-1, 1))
            if rng.random() < 0.4
            else x * np.cos(angle) + y * np.sin(angle)
        )
        field += np.sin(np.pi * cycles * along + phase)
    return quantised(_stretched(rng, np.sign(field) if rng.random() < 0.2 else field))


def blank(rng: Generator) -> Pixels:
    """No picture at all: one grey, a gradient, a vignette, or part of it black, with little or no noise."""
    height, width = sides(rng)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    level = rng.random()
    choice = int(rng.integers(5))
    field = np.full((height, width), level, np.float32)
    if choice == 1:
        angle = rng.uniform(0, 2 * np.pi)
        field += rng.uniform(0.1, 0.6) * (x * np.cos(angle) + y * np.sin(angle))
    elif choice == 2:
        field += rng.uniform(-0.8, 0.8) * np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.3, 0.3))
    elif choice == 3:
        field[(x if rng.random() < 0.5 else y) > rng.uniform(-0.7, 0.7)] = 0.0
    elif choice == 4:
        inside = (np.abs(x) < rng.uniform(0.2, 0.9)) & (np.abs(y) < rng.uniform(0.2, 0.9))
        field *= inside if rng.random() < 0.7 else ~inside
    noise = rng.choice((0.0, 0.005, 0.02)) * rng.standard_normal((height, width))
    return quantised(field + noise)


def power_noise(rng: Generator, shape: tuple[int, int], power: float) -> Field:
    """Noise of mean 0 and deviation 1 whose amplitude falls with frequency ** -power."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * frequency**-power, s=shape)
    return np.asarray(field / field.std(), np.float32)


def smooth_noise(rng: Generator, shape: tuple[int, int], cells: int) -> Field:
    """Values from about -1 to 1 with `cells` swells across, interpolated smoothly."""
    from PIL import Image

    coarse = Image.fromarray(rng.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


def _stretched(rng: Generator, field: Field) -> Field:
    """Any range as brightness: centred somewhere, of random contrast."""
    deviation = float(field.std()) or 1.0
    return np.asarray(rng.uniform(0.3, 0.7) + rng.uniform(0.1, 0.3) * (field - field.mean()) / deviation)
