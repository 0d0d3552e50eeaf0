"""Chest phantoms: an attenuation map of a drawn chest, exposed, blurred and made noisy like a film.

Nothing of them comes from a film of a person. They look like a frontal chest to a person and to a text remover,
not to a trained model, whose input gate is meant to refuse them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from medpattern.pipeline.simulation.anatomy import Anatomy, draw_anatomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Film = NDArray[np.uint8] | NDArray[np.uint16]
    Map = NDArray[np.floating[Any]]

# Anatomy is smooth: it is computed on a grid no larger than this and enlarged; grain is made at full size.
GRID = 640


@dataclass(frozen=True, slots=True)
class Phantom:
    """pixels: (H, W), 0 is black, uint8 or uint16 (full range); lungs: bool (H, W), True inside a lung."""

    pixels: Film
    lungs: NDArray[np.bool_]
    anatomy: Anatomy


def draw_phantom(
    rng: np.random.Generator, height: int, width: int, *, bits: Literal[8, 16] = 8, pneumonia: bool = False
) -> Phantom:
    """A frontal chest of `height` x `width` pixels; the same generator state gives the same bytes.

    Same bytes hold for one build of numpy on one kind of processor: the last bit of exp() differs between some.
    Raises ValueError where a side is below 32 or above 8192 pixels.
    """
    if not (32 <= height <= 8192 and 32 <= width <= 8192):
        raise ValueError(f"a phantom's sides are 32 to 8192 pixels, not {height} x {width}")
    anatomy = draw_anatomy(rng, pneumonia=pneumonia)
    scale = min(1.0, GRID / max(height, width))
    attenuation, lungs = _attenuation(rng, anatomy, max(32, round(height * scale)), max(32, round(width * scale)))
    film = _enlarge(_expose(attenuation, anatomy), height, width)
    _add_grain(rng, film, anatomy)
    _collimate(film, anatomy)
    return Phantom(_quantise(film, bits), _enlarge(lungs, height, width) > 0.5, anatomy)


def _attenuation(rng: np.random.Generator, a: Anatomy, height: int, width: int) -> tuple[Map, Map]:
    """What the rays met on the way, soft tissue about 1, and the lungs as 0 to 1."""
    x, y = _coordinates(a, height, width)
    side = np.abs(x)
    lungs = _lungs(a, x, y, side)
    air = lungs * (a.lung_air - 0.10 * _texture(rng, height, width, 24) + 0.06 * _texture(rng, height, width, 7))
    air *= 1.0 - _consolidation(rng, a, x, y)
    air *= 1.0 - np.maximum(0.92 * _heart(a, x, y), _vessels(rng, x, y))
    total = _trunk(a, y, side) - air
    cage = _inside(a.lung_width + 0.08 - side, 0.03) * _inside(0.72 - y, 0.05) * _inside(y - a.apex + 0.06, 0.02)
    total += cage * (_ribs(a, side, y) + 0.5 * _front_ribs(a, side, y))
    total += _clavicles(a, side, y) + _spine(a, x, y) - _stomach(a, x, y)
    return np.asarray(total, np.float32), np.asarray(lungs, np.float32)


def _coordinates(a: Anatomy, height: int, width: int) -> tuple[Map, Map]:
    """Film coordinates of each pixel in the patient's own, tilted and shifted frame."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] - np.float32(a.shift_x)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(a.shift_y)
    cos, sin = np.float32(np.cos(a.tilt)), np.float32(np.sin(a.tilt))
    return cos * x + sin * y, cos * y - sin * x


def _inside(distance: Map, softness: float) -> Map:
    """0 to 1 across an edge: `distance` is positive inside, `softness` the width of the penumbra."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-distance / softness, -30, 30))), np.float32)


def _bump(distance: Map, radius: float) -> Map:
    return np.asarray(np.exp(-0.5 * (distance / radius) ** 2), np.float32)


def _trunk(a: Anatomy, y: Map, side: Map) -> Map:
    """Soft tissue: a rounded trunk, denser below the diaphragm, with neck, shoulders and perhaps arms."""
    shoulders = np.clip((y + 0.98) / 0.22, 0.0, 1.0) ** 0.5
    half = 0.22 + (a.trunk - 0.22) * shoulders - 0.05 * np.sin(3.0 * y)
    depth = np.sqrt(np.clip(1.0 - (side / (half + 0.03)) ** 2, 0.0, 1.0))
    belly = 0.14 * _inside(y - 0.45, 0.12)
    arms = 0.5 * a.arms * _bump(side - 1.02 - 0.06 * y, 0.09)
    return np.asarray((0.42 + 0.58 * depth + belly) * _inside(half - side, 0.012) + arms, np.float32)


def _lungs(a: Anatomy, x: Map, y: Map, side: Map) -> Map:
    """Both lungs: an apex, a chest wall that widens downwards, a dome below and the mediastinum between."""
    span = np.clip((y - a.apex) / (0.6 - a.apex), 0.0, 1.0)
    wall = a.lung_width * np.sqrt(np.clip(1.0 - (1.0 - span) ** 2.6, 0.0, 1.0))
    dome = np.where(x < 0, a.dome_right, a.dome_left) + 0.55 * (side - 0.34) ** 2
    inner = side - (0.085 + 0.05 * np.clip(y + 0.2, 0, 1))
    return _inside(wall - side, 0.012) * _inside(dome - y, 0.012) * _inside(inner, 0.02) * _inside(y - a.apex, 0.015)


def _heart(a: Anatomy, x: Map, y: Map) -> Map:
    along = (x - a.heart_shift) / (a.heart_radius * 1.08)
    down = (y - a.heart_y) / (a.heart_radius * 1.2)
    vessels = _inside(0.15 - np.abs(x - 0.02), 0.02) * _inside(a.heart_y - y, 0.05)
    return np.asarray(np.maximum(_inside(1.0 - np.sqrt(along**2 + down**2 + 0.5 * along * down), 0.035), vessels))


def _vessels(rng: np.random.Generator, x: Map, y: Map) -> Map:
    """Lung markings: crests of smooth noise, densest around both hila and gone towards the chest wall."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    crest = 1.0 - np.abs(_texture(rng, shape[0], shape[1], 34)) * 2.4
    hila = _bump(np.sqrt((np.abs(x) - 0.16) ** 2 + (0.75 * (y + 0.08)) ** 2), 0.17)
    return np.asarray(0.45 * np.clip(crest, 0.0, 1.0) * hila, np.float32)


def _ribs(a: Anatomy, side: Map, y: Map) -> Map:
    """Back ribs: bands that fall outwards, brighter at their edges than in the middle."""
    course = y - a.rib_drop * (side - 0.12) ** 2 * 2.2 + 0.10 * np.exp(-((side - 0.1) ** 2) / 0.02)
    return _bands(course / a.rib_spacing + a.rib_phase, a.rib_strength)


def _front_ribs(a: Anatomy, side: Map, y: Map) -> Map:
    """Front ribs: fainter bands that rise outwards."""
    course = y + 0.9 * a.rib_drop * (side - 0.1) + 0.1
    return _bands(course / (a.rib_spacing * 1.05) + a.rib_phase * 0.7, a.rib_strength) * _inside(side - 0.25, 0.05)


def _bands(phase: Map, strength: float) -> Map:
    distance = np.abs(phase - np.round(phase))
    return np.asarray(strength * (_inside(0.23 - distance, 0.03) + 0.45 * _bump(distance - 0.21, 0.045)), np.float32)


def _clavicles(a: Anatomy, side: Map, y: Map) -> Map:
    middle = a.clavicle_y - a.clavicle_slope * (side - 0.1) + 0.05 * np.sin(6.0 * side)
    reach = _inside(side - 0.08, 0.012) * _inside(0.62 - side, 0.02)
    return np.asarray(0.20 * reach * _inside(0.032 - np.abs(y - middle), 0.009), np.float32)


def _spine(a: Anatomy, x: Map, y: Map) -> Map:
    """Vertebral bodies with darker discs between, and the darker windpipe above."""
    column = _inside(a.spine_width - np.abs(x), 0.012)
    discs = 0.78 + 0.22 * np.cos(2 * np.pi * y / 0.125)
    windpipe = 0.16 * _bump(x, 0.035) * _inside(-0.28 - y, 0.04)
    return np.asarray(a.spine_strength * column * discs - windpipe, np.float32)


def _stomach(a: Anatomy, x: Map, y: Map) -> Map:
    bubble = np.sqrt(((x - 0.34) / 0.15) ** 2 + ((y - a.dome_left - 0.16) / 0.09) ** 2)
    return np.asarray(a.stomach_air * _inside(1.0 - bubble, 0.08), np.float32)


def _consolidation(rng: np.random.Generator, a: Anatomy, x: Map, y: Map) -> Map:
    """0 where the lung holds air, up to 1 in an opacity; patchy, as exudate fills it unevenly."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    clear = np.ones(shape, np.float32)
    patchy = 0.75 + 0.5 * _texture(rng, shape[0], shape[1], 14)
    for patch in a.opacities:
        distance = np.sqrt(((x - patch.x) / patch.radius_x) ** 2 + ((y - patch.y) / patch.radius_y) ** 2)
        clear *= 1.0 - np.clip(patch.strength * patchy * _inside(1.1 - distance, 0.16), 0.0, 1.0)
    return 1.0 - clear


def _texture(rng: np.random.Generator, height: int, width: int, cells: int) -> Map:
    """Smooth noise from -1 to 1 with about `cells` swells across the film."""
    coarse = rng.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32)
    return _enlarge(coarse, height, width)


def _expose(attenuation: Map, a: Anatomy) -> Map:
    """Film brightness from 0 to 1: more attenuation is whiter, with the usual S-curve at both ends."""
    level = np.clip(attenuation * 0.62 * a.exposure + 0.02, 0.0, 1.25)
    return np.asarray((1.0 - np.exp(-2.2 * level**1.5)) ** a.gamma, np.float32)


def _enlarge(small: Map, height: int, width: int) -> Map:
    """Bilinear interpolation to (height, width), corners on corners."""
    if small.shape == (height, width):
        return small
    rows, row_share = _positions(small.shape[0], height)
    columns, column_share = _positions(small.shape[1], width)
    tall = small[rows] * (1 - row_share[:, None]) + small[rows + 1] * row_share[:, None]
    return np.asarray(tall[:, columns] * (1 - column_share) + tall[:, columns + 1] * column_share, np.float32)


def _positions(old: int, new: int) -> tuple[NDArray[np.intp], Map]:
    exact = np.linspace(0, old - 1, new)
    lower = np.minimum(exact.astype(np.intp), old - 2)
    return lower, (exact - lower).astype(np.float32)


def _add_grain(rng: np.random.Generator, film: Map, a: Anatomy) -> None:
    """Quantum noise in place: stronger where less light arrived, half of it blurred over two pixels."""
    grain = rng.standard_normal(film.shape, np.float32)
    grain[:, 1:] = 0.7 * (grain[:, 1:] + grain[:, :-1])
    film += np.float32(a.noise) * grain * (0.5 + film)


def _collimate(film: Map, a: Anatomy) -> None:
    """Nearly black borders in place, where the shutters covered the detector."""
    height, width = film.shape
    top, right, bottom, left = a.collimation
    film[: round(top * height)] *= 0.04
    film[height - round(bottom * height) :] *= 0.04
    film[:, : round(left * width)] *= 0.04
    film[:, width - round(right * width) :] *= 0.04


def _quantise(film: Map, bits: Literal[8, 16]) -> Film:
    full = np.clip(film, 0.0, 1.0) * np.float32(2**bits - 1) + np.float32(0.5)
    return full.astype(np.uint8) if bits == 8 else full.astype(np.uint16)
