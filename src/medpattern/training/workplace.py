"""The folder of one training: its settings, what it learns from, and what is done; each step leaves a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medpattern.errors import UsageError
from medpattern.evaluation.films import Film, data_digest, load_films
from medpattern.evaluation.wholefile import whole_file
from medpattern.training import material, others
from medpattern.training.folds import folds
from medpattern.training.network import Classifier, Gate
from medpattern.training.settings import settings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.training.material import Material
    from medpattern.training.settings import Settings

BEGUN = "begun.json"


@dataclass(frozen=True)
class Workplace:
    """`data` is the set that is learnt from (its films of the split `train`), `more` are further copies of its films.

    `limit` (smoke runs) takes so many films of each class alone; None takes all.
    """

    folder: Path
    settings: Settings
    data: Path
    more: tuple[Path, ...] = ()
    limit: int | None = None

    def begin(self) -> None:
        """Makes the folder, or finds it as these settings and films made it.

        Raises:
            UsageError: it was made of other ones, the films are too few, or the folder cannot be made.
        """
        made_of = self._made_of()
        self._check_enough()
        path = self.folder / BEGUN
        if path.exists() and not _same(_begun(path), made_of):
            raise UsageError(f"{self.folder} holds a training with other settings or films; give it another folder")
        paths = {"data": str(self.data.resolve()), "more": [str(one.resolve()) for one in self.more]}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder} cannot be written: {error.strerror}") from error
        with whole_file(path) as part:
            part.write_text(json.dumps(made_of | paths, indent=2) + "\n", "utf-8")

    def check_films(self) -> None:
        """Raises UsageError if the films are no longer those that the training was begun with."""
        made_of = self._made_of()
        if not _same(_begun(self.folder / BEGUN), {key: made_of[key] for key in ("films", "copies")}):
            raise UsageError(f"{self.data} holds other films than when the training in {self.folder} was begun")

    @classmethod
    def of(cls, folder: Path) -> Workplace:
        """The workplace of the training that was begun in `folder`. Raises UsageError if none was."""
        path = folder / BEGUN
        if not path.exists():
            raise UsageError(f"{folder} holds no training: make one with medpattern model train {folder} --data PATH")
        begun = _begun(path)
        more = tuple(Path(one) for one in begun["more"])
        return cls(folder, settings_of(begun["settings"], str(path)), Path(begun["data"]), more, begun["limit"])

    def epochs(self, name: str) -> int:
        """How many epochs of the network `name` are done."""
        path = self.path(f"{name}.pt")
        return int(torch.load(path, weights_only=True)["epoch"]) if path.exists() else 0

    @cached_property
    def material(self) -> Material:
        """The films that are learnt from, in memory."""
        films = [film for film in load_films(self.data) if film.split == "train"]
        more = [film for path in self.more for film in load_films(path)]
        return material.load(self._limited(films), more, self.settings.input)

    @cached_property
    def folds(self) -> NDArray[np.intp]:
        """(N,): in which fold each film is held out."""
        return folds(self.material.films, self.settings.folds, self.settings.seed)

    @cached_property
    def strangers(self) -> NDArray[np.uint8]:
        """(N, kept, kept): what gates learn to tell from films; drawn once."""
        path = self.path("strangers.npy")
        if not path.exists():
            drawn = others.others(self.material.films, self.settings)
            with whole_file(path) as part:
                np.save(part, drawn)
        found: NDArray[np.uint8] = np.load(path, allow_pickle=False)
        return found

    def path(self, name: str) -> Path:
        """Where a step's result lies."""
        return self.folder / name

    def classifier(self, name: str) -> Classifier:
        """The fitted classifier `name`."""
        network = Classifier(self.settings.network)
        self._fill(network, name)
        return network

    def gate(self, name: str) -> Gate:
        """The fitted gate `name`."""
        network = Gate(self.settings.gate.widths)
        self._fill(network, name)
        return network

    def told(self, name: str) -> list[dict[str, Any]]:
        """What was noted of each epoch of the network `name`."""
        path = self.path(f"{name}.jsonl")
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def _made_of(self) -> dict[str, Any]:
        """What the training hangs on, as begun.json holds it."""
        return {
            "settings": json.loads(json.dumps(self.settings.document())),
            "films": data_digest(self.material.films),
            "copies": sum(len(copies) for copies in self.material.pixels),
            "limit": self.limit,
        }

    def _check_enough(self) -> None:
        films, wanted = self.material.films, self.settings.folds
        for kind, what in ((True, "pneumonia"), (False, "none")):
            patients = len({film.patient for film in films if film.pneumonia == kind})
            if patients < wanted:
                raise UsageError(
                    f"{self.data}: films of {patients} patients with {what} in its split train are too few for "
                    f"{wanted} folds"
                )
        least, batch = len(films) - int(np.bincount(self.folds).max()), self.settings.loop.batch
        if least < batch:
            raise UsageError(
                f"{self.data}: a fold network would learn from {least} films, fewer than a batch ({batch})"
            )

    def _fill(self, network: torch.nn.Module, name: str) -> None:
        state = torch.load(self.path(f"{name}.pt"), weights_only=True)["average"]
        weights = {key.removeprefix("module."): value for key, value in state.items() if key.startswith("module.")}
        network.load_state_dict(weights)
        network.eval()

    def _limited(self, films: list[Film]) -> list[Film]:
        if self.limit is None:
            return films
        sick = [film for film in films if film.pneumonia][: self.limit]
        return sorted(sick + [film for film in films if not film.pneumonia][: self.limit], key=lambda film: film.name)


def _same(begun: dict[str, Any], made_of: dict[str, Any]) -> bool:
    """Whether both say the same; trainings of an older version did not count copies."""
    return {key: begun.get(key, made_of[key]) for key in made_of} == made_of


def _begun(path: Path) -> dict[str, Any]:
    try:
        begun: dict[str, Any] = json.loads(path.read_text("utf-8"))
        missing = [key for key in ("settings", "films", "limit", "data", "more") if key not in begun]
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is damaged ({error}); begin the training in another folder") from error
    if missing:
        raise UsageError(f"{path} is damaged (no {missing[0]}); begin the training in another folder")
    return begun
