"""What networks say of films they never saw, as they are and shifted: what calibration and thresholds are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.film import contract_for
from medpattern.evaluation.filmfiles import eight_bits
from medpattern.evaluation.shifts import SHIFTS, chance
from medpattern.evaluation.wholefile import whole_file
from medpattern.pipeline.images import decode, prepare
from medpattern.training.augmentation import tensor
from medpattern.training.fitting import logits
from medpattern.training.material import input_contract, levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from medpattern.evaluation.films import Film
    from medpattern.pipeline.images.prepare import InputContract
    from medpattern.training.settings import Settings

CLEAN = "oof"
BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Logits, float32 of shape (N,), of classifier and gate of N pictures: film `film[i]` shifted as `set[i]`."""

    set: NDArray[np.str_]
    film: NDArray[np.intp]
    score: NDArray[np.float32]
    gate: NDArray[np.float32]

    def write(self, path: Path) -> None:
        """As a .npz file; an older one is replaced at once."""
        with whole_file(path) as part:
            np.savez(part, set=self.set, film=self.film, score=self.score, gate=self.gate)

    @classmethod
    def read(cls, path: Path) -> Answers:
        """What `write` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["set"], file["film"], file["score"], file["gate"])

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """One after the other."""
        columns = ("set", "film", "score", "gate")
        return cls(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def answers(
    films: Sequence[Film], places: Sequence[int], networks: tuple[nn.Module, nn.Module], settings: Settings
) -> Answers:
    """What classifier and gate say of the films at `places`, as they are and under `points.shifts` shifts each.

    Which shifts a film meets hangs on its name and the seed alone; each goes through a file and the service's own path.
    """
    names, numbers, pictures = [], [], []
    for place in places:
        for name, picture in _pictures(films[place], settings):
            names.append(name)
            numbers.append(place)
            pictures.append(picture)
    stacked = np.stack(pictures)
    score, gate = (
        logits(network, (tensor(stacked[start : start + BATCH]) for start in range(0, len(stacked), BATCH))).numpy()
        for network in networks
    )
    return Answers(np.array(names), np.array(numbers, np.intp), score, gate)


def contract_of(settings: Settings) -> InputContract:
    """How the networks want their input."""
    return input_contract(settings.input, settings.input.side)


def _pictures(film: Film, settings: Settings) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    contract = contract_for(film, contract_of(settings))
    radiograph = decode(film.read())
    yield CLEAN, levels(prepare(radiograph, contract))
    pixels = eight_bits(radiograph)
    possible = [shift for shift in SHIFTS.values() if not shift.full_size]
    rng = np.random.default_rng([settings.seed, *film.name.encode()])
    for number in sorted(rng.choice(len(possible), settings.points.shifts, replace=False)):
        shift = possible[number]
        shifted = shift.encode(pixels, chance(shift, film.name, settings.seed))
        yield f"{CLEAN}+{shift.name}", levels(prepare(decode(shifted), contract))
