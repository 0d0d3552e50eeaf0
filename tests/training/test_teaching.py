"""What the student learns: views of all films, classes evenly, and the fold networks' mean opinion of each view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch import Tensor, nn

from medpattern.training.material import Material, load
from medpattern.training.points import Calibration
from medpattern.training.teaching import lessons, with_names
from tests.training.drawn import films, small_settings

SETTINGS = replace(small_settings(), student=replace(small_settings().student, views=3, teacher=0.8))
AS_SAID = Calibration(1.0, 0.0)


class Says(nn.Module):
    """A fold network that says `slope` times how bright a view is, and `offset` more."""

    def __init__(self, slope: float, offset: float) -> None:
        super().__init__()
        self.slope, self.offset = slope, offset

    def forward(self, image: Tensor) -> Tensor:
        return image.mean((1, 2, 3)) * self.slope + self.offset


@pytest.fixture(scope="module")
def material() -> Material:
    """Two clear films and six with pneumonia."""
    whole = load(films(6), [], SETTINGS.input)
    return whole.chosen([0, 1, 6, 7, 8, 9, 10, 11])


def taught(material: Material, *teachers: nn.Module, teacher: float = 0.8, calibration: Calibration = AS_SAID):
    settings = replace(SETTINGS, student=replace(SETTINGS.student, teacher=teacher))
    return lessons(material, teachers, calibration, settings, lambda _done, _whole: None)


def test_views_are_as_many_as_wanted_and_none_is_another(material: Material) -> None:
    views, targets = taught(material, Says(1, 0))

    assert views.shape == (24, SETTINGS.input.side, SETTINGS.input.side)
    assert views.dtype == np.uint8
    assert targets.shape == (24,)
    assert targets.dtype == np.float32
    assert len({view.tobytes() for view in views}) == 24


def test_classes_come_evenly(material: Material) -> None:
    """Told by labels alone, half of the views are of the two clear films."""
    _views, targets = taught(material, Says(1, 0), teacher=0)

    smoothing = SETTINGS.loop.smoothing
    found, counts = np.unique(targets.round(4), return_counts=True)
    assert found.tolist() == pytest.approx([smoothing / 2, 1 - smoothing / 2], abs=1e-4)
    assert counts.tolist() == [12, 12]


@pytest.mark.parametrize(("slope", "offset"), [(0, 50), (0, -50), (300, -150)])
def test_targets_are_from_0_to_1_however_sure_the_teachers(slope: float, offset: float, material: Material) -> None:
    _views, targets = taught(material, Says(slope, offset), Says(-slope, offset))

    assert ((targets >= 0) & (targets <= 1)).all()


def test_a_target_is_the_calibrated_mean_and_a_share_of_the_label(material: Material) -> None:
    teachers, calibration = (Says(4, -1), Says(-3, 2)), Calibration(1.5, -0.5)

    views, targets = taught(material, *teachers, calibration=calibration)
    _same, labels = taught(material, *teachers, teacher=0)

    light = views.mean((1, 2)) / 255
    opinions = [1 / (1 + np.exp(-(1.5 * (said.slope * light + said.offset) - 0.5))) for said in teachers]
    np.testing.assert_allclose(targets, 0.8 * np.mean(opinions, axis=0) + 0.2 * labels, atol=1e-5)


def test_the_same_seed_gives_the_same_lessons(material: Material) -> None:
    first, again = taught(material, Says(1, 0)), taught(material, Says(1, 0))
    other = lessons(material, [Says(1, 0)], AS_SAID, replace(SETTINGS, seed=1), lambda _done, _whole: None)

    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()


def test_it_is_told_how_far_it_is(material: Material) -> None:
    told: list[tuple[int, int]] = []

    lessons(material, [Says(1, 0)], AS_SAID, SETTINGS, lambda done, whole: told.append((done, whole)))

    assert told[-1] == (24, 24)


def test_a_name_is_burned_into_a_share_of_the_views_and_changes_little_else() -> None:
    views = np.random.default_rng(0).integers(0, 80, (200, 160, 160), np.uint8)
    before = views.copy()

    named = with_names(views, SETTINGS)

    assert (views == before).all(), "what the teachers saw stays as it is"
    assert named.shape == views.shape
    changed = (named != views).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(SETTINGS.student.names, abs=0.12)
    middle = slice(76, 84)
    assert (named[:, middle] == views[:, middle]).mean() > 0.95, "names stand in corners"
    assert (named == with_names(views, SETTINGS)).all()
    assert (with_names(views, replace(SETTINGS, student=replace(SETTINGS.student, names=0.0))) == views).all()
