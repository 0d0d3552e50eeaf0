"""What one phantom looks like: lengths and strengths drawn from a random generator.

Coordinates: x from -1 (left edge of the film, the patient's right) to 1, y from -1 (top) to 1 (bottom).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Opacity:
    """One patch of consolidated lung: centre, radii, strength in units of a lung's darkness."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    strength: float


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Lengths in film coordinates, angles in radians, strengths as attenuation (soft tissue is about 1)."""

    tilt: float
    shift_x: float
    shift_y: float
    trunk: float
    apex: float
    dome_right: float
    dome_left: float
    lung_width: float
    lung_air: float
    heart_radius: float
    heart_shift: float
    heart_y: float
    rib_spacing: float
    rib_drop: float
    rib_strength: float
    rib_phase: float
    clavicle_y: float
    clavicle_slope: float
    spine_width: float
    spine_strength: float
    stomach_air: float
    arms: float
    exposure: float
    gamma: float
    noise: float
    collimation: tuple[float, float, float, float]
    opacities: tuple[Opacity, ...]


def draw_anatomy(rng: np.random.Generator, *, pneumonia: bool) -> Anatomy:
    """One plausible small child, frontal view; the generator's state decides all of it."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    dome = between(0.38, 0.56)
    anatomy = Anatomy(
        tilt=between(-0.05, 0.05),
        shift_x=between(-0.05, 0.05),
        shift_y=between(-0.06, 0.06),
        trunk=between(0.78, 0.92),
        apex=between(-0.78, -0.66),
        dome_right=dome,
        dome_left=dome + between(0.03, 0.09),
        lung_width=between(0.60, 0.72),
        lung_air=between(0.50, 0.66),
        heart_radius=between(0.26, 0.34),
        heart_shift=between(0.06, 0.14),
        heart_y=between(0.10, 0.22),
        rib_spacing=between(0.135, 0.165),
        rib_drop=between(0.22, 0.34),
        rib_strength=between(0.10, 0.17),
        rib_phase=between(0.0, 1.0),
        clavicle_y=between(-0.70, -0.60),
        clavicle_slope=between(0.05, 0.22),
        spine_width=between(0.09, 0.12),
        spine_strength=between(0.22, 0.34),
        stomach_air=between(0.0, 0.28),
        arms=between(0.0, 1.0),
        exposure=between(0.86, 1.10),
        gamma=between(0.85, 1.25),
        noise=between(0.004, 0.014),
        collimation=_collimation(rng),
        opacities=(),
    )
    return _with_opacities(rng, anatomy) if pneumonia else anatomy


def _collimation(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Dark borders left by the shutters: top, right, bottom, left, as shares of the side; often none."""
    if rng.random() < 0.6:
        return (0.0, 0.0, 0.0, 0.0)
    top, right, bottom, left = (float(share) for share in rng.uniform(0.0, 0.06, 4))
    return (top, right, bottom, left)


def _with_opacities(rng: np.random.Generator, anatomy: Anatomy) -> Anatomy:
    """The same patient with two to six patches in one lung, sometimes some in the other."""
    side = -1 if rng.random() < 0.55 else 1
    sides = [side] * int(rng.integers(2, 5)) + [-side] * int(rng.integers(0, 3))
    return replace(anatomy, opacities=tuple(_opacity(rng, anatomy, side) for side in sides))


def _opacity(rng: np.random.Generator, anatomy: Anatomy, side: int) -> Opacity:
    bottom = anatomy.dome_right if side < 0 else anatomy.dome_left
    return Opacity(
        x=side * float(rng.uniform(0.26, anatomy.lung_width - 0.14)),
        y=float(rng.uniform(anatomy.apex + 0.35, bottom - 0.08)),
        radius_x=float(rng.uniform(0.08, 0.17)),
        radius_y=float(rng.uniform(0.08, 0.19)),
        strength=float(rng.uniform(0.55, 1.0)),
    )
