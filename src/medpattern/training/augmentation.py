"""What may happen to a film on its way here, at random: the reason why a network must not lean on any of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Film = NDArray[np.uint8]

LETTERS = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/-. ")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX)
TONES = np.linspace(0, 1, 256)
TONE_KNOTS = np.linspace(0, 1, 7)
# Noise is cut from one sheet; drawing it anew for each film would cost more than all the rest.
SHEET = 1024


@dataclass(frozen=True, slots=True)
class Augmentation:
    """`strength` 1 is that of training; `side` is that of the network's input, in pixels."""

    side: int
    strength: float = 1.0

    def __call__(self, films: Film, rng: Generator) -> Film:
        """Of `films`, (N, kept, kept), shifted copies, (N, side, side)."""
        noise = rng.standard_normal((SHEET, SHEET), np.float32)
        return np.stack([self._shifted(film, rng, noise) for film in films])

    def _shifted(self, film: Film, rng: Generator, noise: NDArray[np.float32]) -> Film:
        size = self.strength
        if rng.random() < 0.35 * size:
            film = _lettered(film.copy(), rng)
        if rng.random() < 0.35 * size:
            film = _compressed(film, rng)
        film = self._placed(film, rng)
        light = _uneven(film, rng, size)
        film = cv2.LUT(light, _tones(rng, size))
        if rng.random() < 0.25 * size:
            film = _coarser(film, rng)
        film = _sharpened(film, float(rng.uniform(-0.9, 1.2)) * size, int(rng.choice([3, 5, 7])))
        film = _noisy(film, float(rng.uniform(0, 10)) * size, noise, rng)
        return _erased(film, rng)

    def _placed(self, film: Film, rng: Generator) -> Film:
        """Mirrored, turned by up to 12 degrees, scaled each way by up to 20 %, moved by up to 8 %."""
        size = self.strength
        angle = np.deg2rad(rng.uniform(-12, 12) * size)
        scale = np.exp(rng.uniform(-0.12, 0.15) * size + rng.uniform(-0.1, 0.1, 2) * size) * self.side / len(film)
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = scale[:, None] * turned * np.array([rng.choice([-1.0, 1.0]), 1.0])
        middle = (self.side - 1) / 2 + rng.uniform(-0.08, 0.08, 2) * size * self.side
        offset = middle - matrix @ np.full(2, (len(film) - 1) / 2)
        border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
        whole = np.concatenate([matrix, offset[:, None]], 1)
        return _grey(cv2.warpAffine(film, whole, (self.side, self.side), flags=cv2.INTER_LINEAR, borderMode=border))


def tensor(films: Film) -> torch.Tensor:
    """(N, side, side) of grey levels 0 to 255 as a network wants them: float32, (N, 1, side, side), 0 to 1."""
    return torch.from_numpy(films).float().div_(255)[:, None]


def _grey(film: cv2.typing.MatLike) -> Film:
    return np.asarray(film, np.uint8)


def _lettered(film: Film, rng: Generator) -> Film:
    """Text anywhere, or a side marker: grey or white, in a box now and then."""
    side = len(film)
    for _ in range(rng.integers(1, 4)):
        length = 1 if rng.random() < 0.3 else int(rng.integers(4, 22))
        text = "".join(rng.choice(LETTERS, length))
        size = float(rng.uniform(0.25, 0.5)) if length > 1 else float(rng.uniform(0.5, 1.1))
        at = (int(rng.integers(-10, side - 20)), int(rng.integers(8, side)))
        font = int(rng.choice(FONTS))
        if rng.random() < 0.3:
            (width, height), _below = cv2.getTextSize(text, font, size, 1)
            cv2.rectangle(film, (at[0], at[1] - height), (at[0] + width, at[1] + 2), int(rng.integers(0, 60)), -1)
        cv2.putText(film, text, at, font, size, int(rng.integers(150, 256)), 1, cv2.LINE_AA)
    return film


def _compressed(film: Film, rng: Generator) -> Film:
    _done, data = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 95))])
    return _grey(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _uneven(film: Film, rng: Generator, size: float) -> Film:
    """Light that is uneven over the film."""
    coarse = 1 + rng.uniform(-0.18, 0.18, (3, 3)) * size
    light = cv2.resize(coarse.astype(np.float32), film.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return _grey(cv2.multiply(film, light, dtype=cv2.CV_8U))


def _tones(rng: Generator, size: float) -> Film:
    """(256,): exposure as one table: a rising curve at random, gamma, contrast and brightness."""
    knots = np.concatenate([[0.0], rng.dirichlet([7 / max(size, 0.01)] * (len(TONE_KNOTS) - 1)).cumsum()])
    curve = np.interp(TONES, TONE_KNOTS, knots) ** np.exp(rng.uniform(-0.5, 0.5) * size)
    curve = curve * np.exp(rng.uniform(-0.5, 0.12) * size) + rng.uniform(-0.1, 0.15) * size
    return np.asarray((curve * 255).clip(0, 255), np.uint8)


def _coarser(film: Film, rng: Generator) -> Film:
    side = film.shape[0]
    small = int(rng.integers(side // 2, side))
    shrunk = cv2.resize(film, (small, small), interpolation=cv2.INTER_AREA)
    return _grey(cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR))


def _sharpened(film: Film, amount: float, window: int) -> Film:
    return _grey(cv2.addWeighted(film, 1 + amount, cv2.blur(film, (window, window)), -amount, 0))


def _noisy(film: Film, deviation: float, noise: NDArray[np.float32], rng: Generator) -> Film:
    top, left = rng.integers(0, SHEET - film.shape[0], 2)
    sheet = noise[top : top + film.shape[0], left : left + film.shape[1]]
    return _grey(cv2.addWeighted(film, 1, sheet, deviation, 0, dtype=cv2.CV_8U))


def _erased(film: Film, rng: Generator) -> Film:
    """A rectangle, or a strip at an edge, filled with one grey."""
    side = film.shape[0]
    if rng.random() < 0.4:
        height, width = (rng.uniform(0.08, 0.32, 2) * side).astype(int)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        film[top : top + height, left : left + width] = rng.integers(0, 256)
    if rng.random() < 0.25:
        strip = int(rng.uniform(0.02, 0.12) * side)
        edges = (film[:strip], film[-strip:], film[:, :strip], film[:, -strip:])
        edges[rng.integers(0, 4)].fill(rng.choice(np.array([0, 255, rng.integers(0, 256)])))
    return film
