"""Data sets of labelled films: the original folders, the shared tar files, PneumoniaMNIST; one entrance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medpattern.evaluation.film import SPLITS, DataError, Film, Split, Subtype, contract_for, data_digest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SPLITS", "DataError", "Film", "Split", "Subtype", "contract_for", "data_digest", "load_films"]

KNOWN = (
    "a folder with train, val or test (each with NORMAL and PNEUMONIA), a folder or tar of the shared set with its "
    "labels.csv, or PneumoniaMNIST's .npz"
)


def load_films(path: Path, *, strict: bool = True) -> tuple[Film, ...]:
    """All films of the data set `path`, in a fixed order; nothing is decoded yet.

    `path` is a folder in the original layout (or one part of it), a folder of the shared set (its cxr224.tar), one of
    its tar files, or a PneumoniaMNIST .npz. Without `strict` a film whose file name says no patient is one of its own.
    Raises DataError, which says what is wrong, where, and what would be right.
    """
    from medpattern.evaluation.original import is_original, original_films
    from medpattern.evaluation.sharedset import is_shared, shared_films

    if not path.exists():
        raise DataError(f"there is no {path}")
    if path.is_dir():
        if is_original(path):
            return original_films(path, strict=strict)
        if is_shared(path):
            return shared_films(path)
        raise DataError(f"{path} is no known data set: give {KNOWN}")
    if path.suffix == ".tar":
        return shared_films(path)
    if path.suffix == ".npz":
        from medpattern.evaluation.npz import npz_films

        return npz_films(path)
    raise DataError(f"{path} is no known data set: give {KNOWN}")
