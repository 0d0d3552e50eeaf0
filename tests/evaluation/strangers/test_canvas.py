from __future__ import annotations

import numpy as np
import pytest

from medpattern.evaluation.strangers.canvas import Canvas, Frame
from medpattern.evaluation.strangers.exposure import exposed, hazed, softened


def test_the_rim_of_a_long_bone_is_denser_than_its_marrow() -> None:
    canvas = Canvas(200, 200)
    canvas.tube((0, -0.9), (0, 0.9), 0.3)
    across = canvas.bone[100]
    assert across[100] < 0.85 * across.max()
    assert np.flatnonzero(across).tolist() == list(range(70, 130))


def test_an_ellipsoid_reaches_as_far_as_its_radii_in_a_turned_frame() -> None:
    canvas = Canvas(200, 200, Frame(angle=np.pi / 2))
    canvas.ellipsoid((0, 0), (0.8, 0.2))
    rows, columns = np.nonzero(canvas.bone)
    assert np.ptp(rows) == pytest.approx(160, abs=2)
    assert np.ptp(columns) == pytest.approx(40, abs=2)


def test_a_mirrored_frame_draws_the_mirror_image() -> None:
    plain, mirrored = Canvas(120, 160), Canvas(120, 160, Frame(mirror=True))
    for canvas in (plain, mirrored):
        canvas.tube((-0.5, -0.4), (0.3, 0.6), 0.1)
        canvas.ellipsoid((0.4, 0.1), (0.3, 0.1), angle=0.5)
    assert np.allclose(plain.bone, mirrored.bone[:, ::-1], atol=1e-4)


def test_bones_add_up_and_overlapping_limbs_do_not() -> None:
    once, twice = Canvas(100, 100), Canvas(100, 100)
    for canvas, times in ((once, 1), (twice, 2)):
        for _ in range(times):
            canvas.tube((0, -1), (0, 1), 0.2)
            canvas.limb((0, -1), (0, 1), 0.5)
    assert np.allclose(twice.bone, 2 * once.bone)
    assert np.array_equal(twice.soft, once.soft)


def test_a_bow_is_as_thick_at_its_bends_as_between_them() -> None:
    canvas = Canvas(200, 200)
    canvas.bow([(-0.9, 0), (0, 0), (0.9, 0)], 0.1)
    assert canvas.bone[100, 100] == pytest.approx(canvas.bone[100, 60], rel=0.01)


def test_gas_takes_away() -> None:
    canvas = Canvas(100, 100)
    canvas.flesh((0, 0), (0.9, 0.9), thickness=1.0)
    canvas.flesh((0, 0), (0.2, 0.2), thickness=-0.6, add=True)
    assert canvas.soft[50, 50] < 0.5 < canvas.soft[50, 75]


def test_what_lies_beside_the_film_changes_nothing() -> None:
    canvas = Canvas(100, 100)
    canvas.tube((3, 3), (4, 4), 0.2)
    canvas.limb((3, 3), (4, 4), 0.2)
    canvas.bow([(3, 3), (4, 4)], 0.2)
    canvas.ellipsoid((-3, 0), (0.2, 0.2))
    canvas.flesh((0, -3), (0.2, 0.2))
    assert not canvas.bone.any()
    assert not canvas.soft.any()


def test_softening_and_haze_keep_the_mean() -> None:
    picture = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    assert softened(picture, 3).mean() == pytest.approx(picture.mean(), abs=0.01)
    assert softened(picture, 3).std() < 0.5 * picture.std()
    assert hazed(picture).mean() == pytest.approx(picture.mean(), abs=0.01)


def test_more_bone_is_brighter_unless_the_film_is_inverted() -> None:
    """One in twelve is; in all others the bone is brighter than the air beside it."""
    brighter = []
    for seed in range(24):
        canvas = Canvas(120, 120)
        canvas.ellipsoid((0, 0), (0.3, 0.3))
        film = exposed(np.random.default_rng(seed), canvas)
        brighter.append(bool(film[50:70, 50:70].mean() > film[50:70, 5:15].mean() + 20))
    assert 16 <= sum(brighter) < 24
