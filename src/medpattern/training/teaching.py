"""What the student learns from: shifted copies of films, and what the mean of the fold networks says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.alterations import with_text
from medpattern.pipeline.simulation.burned_in import CORNERS
from medpattern.training.augmentation import Augmentation, tensor
from medpattern.training.fitting import logits, quicker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from medpattern.training.material import Material
    from medpattern.training.points import Calibration
    from medpattern.training.settings import Settings

BATCH = 256


def lessons(
    material: Material,
    teachers: Sequence[nn.Module],
    calibration: Calibration,
    settings: Settings,
    tell: Callable[[int, int], None],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Views, (N, side, side), and what is taught of each, (N,), 0 to 1; classes evenly.

    `tell` hears how many views of how many are done.
    """
    rng = np.random.default_rng([settings.seed, 3])
    places = _places(material.pneumonia, settings.student.views, rng)
    augment = Augmentation(settings.input.side)
    views = np.empty((len(places), settings.input.side, settings.input.side), np.uint8)
    taught = np.empty(len(places), np.float32)
    for start in range(0, len(places), BATCH):
        part = slice(start, start + BATCH)
        views[part] = augment(material.drawn(places[part], rng), rng)
        taught[part] = _opinion(views[part], teachers, calibration, settings)
        tell(min(start + BATCH, len(places)), len(places))
    smoothing = settings.loop.smoothing
    labels = material.pneumonia[places] * np.float32(1 - smoothing) + np.float32(smoothing / 2)
    share = np.float32(settings.student.teacher)
    return views, (share * taught + (1 - share) * labels).astype(np.float32)


def with_names(views: NDArray[np.uint8], settings: Settings) -> NDArray[np.uint8]:
    """A copy of `views`, (N, side, side): on the share `student.names` of them an invented patient's name."""
    rng = np.random.default_rng([settings.seed, 4])
    named = views.copy()
    for place in np.flatnonzero(rng.random(len(views)) < settings.student.names):
        named[place] = with_text(views[place], rng, CORNERS[int(rng.integers(len(CORNERS)))])
    return named


def _places(pneumonia: NDArray[np.bool_], views: int, rng: np.random.Generator) -> NDArray[np.intp]:
    half = views * len(pneumonia) // 2
    return np.concatenate([np.resize(rng.permutation(np.flatnonzero(kind)), half) for kind in (pneumonia, ~pneumonia)])


def _opinion(
    views: NDArray[np.uint8], teachers: Sequence[nn.Module], calibration: Calibration, settings: Settings
) -> NDArray[np.float32]:
    image = tensor(views)
    with quicker(settings.loop):
        said = [calibration(logits(teacher, [image]).numpy()) for teacher in teachers]
    return np.asarray(np.mean(said, axis=0), np.float32)
