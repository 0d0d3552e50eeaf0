"""One film of a data set, as training and evaluation know it, and the two things said of many of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from medpattern.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medpattern.pipeline.images import InputContract

Split = Literal["train", "val", "test"]
Subtype = Literal["normal", "bacteria", "virus", "pneumonia"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")
# The folders of the original layout.
NORMAL, PNEUMONIA = "NORMAL", "PNEUMONIA"


class DataError(UsageError):
    """A data set cannot be used; the text says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Film:
    """A labelled film.

    `name` is unique in its data set (`PNEUMONIA/person1_bacteria_1.jpeg`). Subtype `pneumonia`: its kind is not known.
    `patient` is what folds and intervals are grouped by. `duplicate`: another film before it has the same pixels.
    `cropped`: 4 % of each border are already cut off. `read` gives the file's bytes.
    """

    name: str
    pneumonia: bool
    subtype: Subtype
    patient: str
    split: Split
    duplicate: bool
    cropped: bool
    read: Callable[[], bytes] = field(repr=False, compare=False)


def contract_for(film: Film, contract: InputContract) -> InputContract:
    """The model's contract for this film: without the crop where the film already has lost its border."""
    return replace(contract, crop=0.0) if film.cropped and contract.crop else contract


def data_digest(films: Iterable[Film]) -> str:
    """`sha256:` and the digest of all names and bytes, as `sha256sum` would list them in the order of their names."""
    whole = sha256()
    for film in sorted(films, key=lambda film: film.name):
        whole.update(f"{sha256(film.read()).hexdigest()}  {film.name}\n".encode())
    return f"sha256:{whole.hexdigest()}"
