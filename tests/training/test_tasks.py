"""What each network is shown: classes evenly, labels smoothed, other views in every epoch, the same for a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from medpattern.training.fitting import Task
from medpattern.training.material import Material, load
from medpattern.training.tasks import classifier_task, gate_task, student_task
from tests.training.drawn import films, small_settings

SETTINGS = small_settings()
SIDE, BATCH = SETTINGS.input.side, SETTINGS.loop.batch


@pytest.fixture(scope="module")
def material() -> Material:
    """Four clear films and twelve with pneumonia."""
    return load(films(12), [], SETTINGS.input).chosen([0, 1, 2, 3, *range(12, 24)])


def shown(task: Task, epoch: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """All images and targets of an epoch, in their order."""
    images, targets = zip(*task.batches(epoch), strict=True)
    assert {tuple(image.shape) for image in images} == {(BATCH, 1, SIDE, SIDE)}
    return torch.cat(images).numpy(), torch.cat(targets).numpy()


def test_a_classifier_sees_as_many_of_each_class(material: Material) -> None:
    task = classifier_task("fold-0", material, SETTINGS)

    images, targets = shown(task)

    smoothing = SETTINGS.loop.smoothing
    assert len(targets) == task.steps * BATCH == 16
    found, counts = np.unique(targets, return_counts=True)
    assert found.tolist() == pytest.approx([smoothing / 2, 1 - smoothing / 2])
    assert counts.tolist() == [8, 8]
    assert images.min() >= 0
    assert images.max() <= 1


def test_an_epoch_may_have_other_lengths(material: Material) -> None:
    settings = replace(SETTINGS, loop=replace(SETTINGS.loop, draws=40))

    _images, targets = shown(classifier_task("fold-0", material, settings))

    assert len(targets) == 40
    assert (targets > 0.5).sum() == 20


def test_every_film_of_a_class_is_shown_as_often_give_or_take_one(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(
        Material,
        "drawn",
        lambda self, places, _rng: drawn.extend(places) or np.stack([self.pixels[place][0] for place in places]),
    )
    settings = replace(SETTINGS, loop=replace(SETTINGS.loop, draws=40))

    shown(classifier_task("fold-0", material, settings))

    counts = Counter(drawn)
    assert {counts[place] for place in range(4)} == {5}
    assert {counts[place] for place in range(4, 16)} == {1, 2}


def test_epochs_names_and_seeds_draw_differently_and_each_the_same_again(material: Material) -> None:
    def bytes_of(name: str = "fold-0", seed: int = 1, epoch: int = 0) -> bytes:
        return shown(classifier_task(name, material, replace(SETTINGS, seed=seed)), epoch)[0].tobytes()

    assert bytes_of() == bytes_of()
    assert len({bytes_of(), bytes_of(epoch=1), bytes_of(seed=2), bytes_of(name="fold-1")}) == 4


def test_networks_begin_with_weights_of_their_own_name(material: Material) -> None:
    def weights(name: str) -> bytes:
        return next(classifier_task(name, material, SETTINGS).network.parameters()).detach().numpy().tobytes()

    assert weights("fold-0") == weights("fold-0")
    assert weights("fold-0") != weights("fold-1")


def test_a_gate_sees_a_stranger_for_each_film(material: Material) -> None:
    kept = SETTINGS.input.kept
    black = np.zeros((3, kept, kept), np.uint8)
    task = gate_task("gate", material, black, SETTINGS)

    images, targets = shown(task)

    assert len(targets) == task.steps * BATCH == 32
    assert (targets > 0.5).sum() == 16
    assert targets.min() > 0
    assert targets.max() < 1
    contrast = images.std(axis=(1, 2, 3))
    assert contrast[targets > 0.5].mean() > 1.5 * contrast[targets < 0.5].mean(), "targets stand beside their pictures"


def test_a_student_sees_every_view_once_an_epoch_mirrored_or_not() -> None:
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (12, SIDE, SIDE), np.uint8)
    targets = np.linspace(0, 1, 12, dtype=np.float32)

    images, told = shown(student_task(views, targets, SETTINGS))

    assert sorted(told.tolist()) == targets.tolist()
    levels = np.rint(images[:, 0] * 255).astype(np.uint8)
    for image, target in zip(levels, told, strict=True):
        view = views[targets.tolist().index(target)]
        assert (image == view).all() or (image == view[:, ::-1]).all()
