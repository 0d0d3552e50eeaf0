"""The networks of a training: fold networks, their gates, and the student; what each learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from medpattern.training.augmentation import Augmentation, tensor
from medpattern.training.fitting import Task
from medpattern.training.network import Classifier, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from medpattern.training.material import Material
    from medpattern.training.settings import Settings

# Gates see films shifted less than classifiers do: what is beyond use should be refused.
GATE_STRENGTH = 0.8


def classifier_task(name: str, material: Material, settings: Settings) -> Task:
    """A classifier that learns from `material`, classes evenly, with smoothed labels."""
    loop = settings.loop
    pneumonia = material.pneumonia
    sick, well = np.flatnonzero(pneumonia), np.flatnonzero(~pneumonia)
    draws = loop.draws or len(material.films)
    augment = Augmentation(settings.input.side)

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = _generator(settings, name, epoch)
        order = _evenly(sick, well, draws, rng)
        for places in _parts(order, loop.batch):
            labels = pneumonia[places].astype(np.float32)
            target = labels * (1 - loop.smoothing) + loop.smoothing / 2
            yield tensor(augment(material.drawn(places, rng), rng)), torch.from_numpy(target)

    torch.manual_seed(_number(settings, name))
    network = Classifier(settings.network)
    return Task(
        name, network, batches, draws // loop.batch, loop.epochs, loop.rate, loop.average, _number(settings, name)
    )


def gate_task(name: str, films: Material, strangers: NDArray[np.uint8], settings: Settings) -> Task:
    """A gate that learns `films`, (target 1), from `strangers`, (N, kept, kept), (target 0), as many of each."""
    loop = settings.loop
    augment = Augmentation(settings.input.side, GATE_STRENGTH)
    pixels = films.firsts()
    half = loop.batch // 2
    draws = len(pixels)

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = _generator(settings, name, epoch)
        others = rng.choice(len(strangers), draws)
        for own, other in zip(_parts(rng.permutation(draws), half), _parts(others, half), strict=True):
            mixed = rng.permutation(2 * half)
            shown = np.concatenate([pixels[own], strangers[other]])[mixed]
            target = np.concatenate([np.full(half, 0.99, np.float32), np.full(half, 0.01, np.float32)])[mixed]
            yield tensor(augment(shown, rng)), torch.from_numpy(target)

    torch.manual_seed(_number(settings, name))
    network = Gate(settings.gate.widths)
    return Task(
        name,
        network,
        batches,
        draws // half,
        settings.gate.epochs,
        loop.rate,
        settings.gate.average,
        _number(settings, name),
    )


def student_task(views: NDArray[np.uint8], targets: NDArray[np.float32], settings: Settings) -> Task:
    """The network that ships, taught on `views`, (N, side, side), what `targets`, (N,), say of each."""
    loop = settings.loop

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = _generator(settings, "student", epoch)
        for places in _parts(rng.permutation(len(views)), loop.batch):
            shown = views[places][:, :, :: rng.choice([-1, 1])]
            yield tensor(np.ascontiguousarray(shown)), torch.from_numpy(targets[places])

    number = _number(settings, "student")
    torch.manual_seed(number)
    network = Classifier(settings.network)
    steps = len(views) // loop.batch
    return Task("student", network, batches, steps, settings.student.epochs, loop.rate, loop.average, number)


def _evenly(sick: NDArray[np.intp], well: NDArray[np.intp], draws: int, rng: Generator) -> NDArray[np.intp]:
    """`draws` places, half from each class; each film as often as the others of its class, give or take one."""
    halves = []
    for places in (sick, well):
        rounds = -(-(draws // 2 + 1) // len(places))
        halves.append(np.concatenate([rng.permutation(places) for _ in range(rounds)])[: draws // 2])
    return rng.permutation(np.concatenate(halves))


def _parts(order: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(order) - size + 1, size):
        yield order[start : start + size]


def _number(settings: Settings, name: str) -> int:
    return (settings.seed + crc32(name.encode())) % 2**31


def _generator(settings: Settings, name: str, epoch: int) -> Generator:
    return np.random.default_rng([settings.seed, crc32(name.encode()), epoch])
