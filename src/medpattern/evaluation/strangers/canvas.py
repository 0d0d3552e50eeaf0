"""Radiographs as they arise: soft tissue and bone added up along each ray, then exposed.

Bones are tubes and ellipsoids with a denser rim than middle. Coordinates: the shorter side of the film reaches
from -1 to 1, x to the right, y down; a frame turns, scales and shifts what is drawn. Soft tissue about 1 thick
attenuates about 1. Each shape is computed in its own window only, which keeps a hand of 30 bones at a few
milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Map = NDArray[np.float32]
Point = tuple[float, float]
Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where anatomy lies on the film: turned by `angle` (radians), scaled, mirrored, shifted."""

    angle: float = 0.0
    scale: float = 1.0
    shift: Point = (0.0, 0.0)
    mirror: bool = False

    def place(self, point: Point) -> Point:
        x, y = (-point[0] if self.mirror else point[0]) * self.scale, point[1] * self.scale
        cos, sin = float(np.cos(self.angle)), float(np.sin(self.angle))
        return cos * x - sin * y + self.shift[0], sin * x + cos * y + self.shift[1]

    def turned(self, angle: float) -> float:
        return self.angle + (-angle if self.mirror else angle)


def random_frame(
    rng: Generator, *, turn: float = 0.3, shift: float = 0.15, scale: tuple[float, float] = (0.8, 1.2)
) -> Frame:
    """A frame turned by up to about `turn` radians to either side, mirrored in half of the cases."""
    return Frame(
        float(rng.uniform(-turn, turn)),
        float(rng.uniform(*scale)),
        (float(rng.uniform(-shift, shift)), float(rng.uniform(-shift, shift))),
        bool(rng.random() < 0.5),
    )


@dataclass(slots=True)
class Canvas:
    """Attenuation maps of one film, (height, width); the shapes below change them in place."""

    height: int
    width: int
    frame: Frame = field(default_factory=Frame)
    soft: Map = field(init=False)
    bone: Map = field(init=False)
    _x: Map = field(init=False)
    _y: Map = field(init=False)
    _step: float = field(init=False)

    def __post_init__(self) -> None:
        self.soft = np.zeros((self.height, self.width), np.float32)
        self.bone = np.zeros((self.height, self.width), np.float32)
        self._step = 2.0 / min(self.height, self.width)
        self._x = ((np.arange(self.width) - (self.width - 1) / 2) * self._step).astype(np.float32)[None, :]
        self._y = ((np.arange(self.height) - (self.height - 1) / 2) * self._step).astype(np.float32)[:, None]

    def tube(
        self, start: Point, end: Point, radius: float, *, density: float = 1.0, flare: float = 0.4, marrow: float = 0.6
    ) -> None:
        """A long bone: wider by `flare` at its ends, hollow by `marrow` in the middle of its shaft."""
        found = self._along(start, end, radius * (1 + flare))
        if found is None:
            return
        window, along, distance2 = found
        ends = (2 * along - 1) ** 4
        outer = (radius * self.frame.scale * (1 + flare * ends)) ** 2
        depth = np.sqrt(np.maximum(outer - distance2, 0)) - marrow * (1 - 0.8 * ends) * np.sqrt(
            np.maximum(0.55 * outer - distance2, 0)
        )
        self.bone[window] += 2 * density * depth

    def bow(self, points: Sequence[Point], radius: float, *, density: float = 1.0) -> None:
        """A bent solid bone of one thickness through all points, not thicker where its pieces meet."""
        depth = np.zeros_like(self.bone)
        for start, end in pairwise(points):
            if (found := self._along(start, end, radius)) is not None:
                window, _, distance2 = found
                rest = np.maximum((radius * self.frame.scale) ** 2 - distance2, 0)
                np.maximum(depth[window], rest, out=depth[window])
        self.bone += 2 * density * np.sqrt(depth)

    def limb(self, start: Point, end: Point, radius: float, *, density: float = 1.0, taper: float = 1.0) -> None:
        """Soft tissue around a bone, `taper` times as thick at its end; where two overlap, the thicker counts."""
        found = self._along(start, end, radius * max(1.0, taper))
        if found is None:
            return
        window, along, distance2 = found
        outer = (radius * self.frame.scale * (1 + (taper - 1) * along)) ** 2
        np.maximum(self.soft[window], 2 * density * np.sqrt(np.maximum(outer - distance2, 0)), out=self.soft[window])

    def ellipsoid(
        self,
        centre: Point,
        radii: Point,
        *,
        angle: float = 0.0,
        density: float = 1.0,
        hollow: float = 0.0,
        power: float = 2.0,
        rim: float = 0.85,
    ) -> None:
        """A bone of the thickness of its smaller radius; `hollow` of it lies empty within `rim`; power 4 is a block."""
        found = self._inside(centre, radii, angle, power)
        if found is None:
            return
        window, inside = found
        depth = np.sqrt(inside) - hollow * np.sqrt(np.maximum(inside - (1 - rim**power), 0))
        self.bone[window] += 2 * density * min(radii) * self.frame.scale * depth

    def flesh(
        self,
        centre: Point,
        radii: Point,
        *,
        angle: float = 0.0,
        thickness: float = 1.0,
        power: float = 2.0,
        add: bool = False,
    ) -> None:
        """Soft tissue of a thickness of its own; added where `add`, negative for gas, else the thicker counts."""
        found = self._inside(centre, radii, angle, power)
        if found is None:
            return
        window, inside = found
        depth = thickness * np.sqrt(inside)
        self.soft[window] = self.soft[window] + depth if add else np.maximum(self.soft[window], depth)

    def _along(self, start: Point, end: Point, reach: float) -> tuple[Window, Map, Map] | None:
        """Window, share of the way (0 to 1) and squared distance to the line from start to end."""
        (x0, y0), (x1, y1) = self.frame.place(start), self.frame.place(end)
        reach *= self.frame.scale
        window = self._window(min(x0, x1) - reach, max(x0, x1) + reach, min(y0, y1) - reach, max(y0, y1) + reach)
        if window is None:
            return None
        x, y, dx, dy = self._x[:, window[1]] - x0, self._y[window[0]] - y0, x1 - x0, y1 - y0
        along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1).astype(np.float32)
        return window, along, (x - along * dx) ** 2 + (y - along * dy) ** 2

    def _inside(self, centre: Point, radii: Point, angle: float, power: float) -> tuple[Window, Map] | None:
        """Window, and 1 in the centre of a (super)ellipse falling to 0 at its edge."""
        (x0, y0), turned = self.frame.place(centre), self.frame.turned(angle)
        across, down = radii[0] * self.frame.scale, radii[1] * self.frame.scale
        cos, sin = abs(float(np.cos(turned))), abs(float(np.sin(turned)))
        reach_x, reach_y = across * cos + down * sin, across * sin + down * cos
        window = self._window(x0 - reach_x, x0 + reach_x, y0 - reach_y, y0 + reach_y)
        if window is None:
            return None
        x, y = self._x[:, window[1]] - x0, self._y[window[0]] - y0
        cos, sin = float(np.cos(turned)), float(np.sin(turned))
        q = _power((cos * x + sin * y) / across, power) + _power((cos * y - sin * x) / down, power)
        return window, np.maximum(1 - q, 0)

    def _window(self, left: float, right: float, top: float, bottom: float) -> Window | None:
        """Rows and columns of a rectangle, None where it lies beside the film."""
        columns = self._pixels(left, right, self.width)
        rows = self._pixels(top, bottom, self.height)
        return (rows, columns) if rows.stop > rows.start and columns.stop > columns.start else None

    def _pixels(self, low: float, high: float, count: int) -> slice:
        middle = (count - 1) / 2
        first, last = int(np.floor(low / self._step + middle)), int(np.ceil(high / self._step + middle)) + 1
        return slice(min(max(first, 0), count), min(max(last, 0), count))


def _power(length: NDArray[np.floating], power: float) -> Map:
    """|length| ** power; even powers as products, which are ten times as fast."""
    square = np.asarray(length * length, np.float32)
    if power == 2.0:
        return square
    return square * square if power == 4.0 else square ** np.float32(power / 2)
