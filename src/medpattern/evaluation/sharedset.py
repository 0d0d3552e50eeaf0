"""The training set as tar files beside a labels.csv: file, label, group_id, subtype, split, in_full320, dup_of."""

from __future__ import annotations

import csv
import tarfile
from functools import partial
from typing import TYPE_CHECKING

from medpattern.evaluation.film import NORMAL, PNEUMONIA, SPLITS, DataError, Film, Split, Subtype

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LABELS = "labels.csv"
DEFAULT_TAR = "cxr224.tar"
# Each tar, whether 4 % of each border are cut off already, and the column that says which films it holds.
CROPPED: Mapping[str, bool] = {DEFAULT_TAR: False, "cxr_full320.tar": True}
HELD: Mapping[str, str] = {"cxr_full320.tar": "in_full320"}

COLUMNS = ("file", "label", "group_id", "subtype", "split", "in_full320", "dup_of")
SUBTYPES: Mapping[str, tuple[Subtype, ...]] = {NORMAL: ("normal",), PNEUMONIA: ("bacteria", "virus", "pneumonia")}


def is_shared(path: Path) -> bool:
    """Whether the folder is one of the shared set."""
    return (path / LABELS).is_file() or any((path / tar).is_file() for tar in CROPPED)


def shared_films(path: Path) -> tuple[Film, ...]:
    """All films of the tar `path`, or of the default tar in the folder `path`. Raises DataError."""
    tar = path / DEFAULT_TAR if path.is_dir() else path
    if tar.name not in CROPPED:
        raise DataError(f"nothing declares whether {tar} has lost its borders; known are {', '.join(CROPPED)}")
    members = _members(tar)
    rows = _rows(tar.parent / LABELS)
    if held := HELD.get(tar.name):
        rows = [row for row in rows if row[held] == "1"]
    films = tuple(_film(row, tar, members) for row in rows)
    unlabelled = sorted(set(members) - {film.name for film in films})
    if unlabelled:
        raise DataError(f"{tar.parent / LABELS} has no row for {unlabelled[0]} and {len(unlabelled) - 1} more in {tar}")
    if not films:
        raise DataError(f"{tar} holds no films")
    return films


def _members(tar: Path) -> dict[str, tuple[int, int]]:
    """Where each file's bytes begin in the tar, and how many they are."""
    try:
        with tarfile.open(tar, "r:") as archive:
            return {item.name: (item.offset_data, item.size) for item in archive if item.isfile()}
    except FileNotFoundError:
        raise DataError(f"there is no {tar}") from None
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{tar} is no readable, uncompressed tar file: {error}") from error


def _rows(labels: Path) -> list[dict[str, str]]:
    try:
        with labels.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="")
            rows = list(reader)
    except FileNotFoundError:
        raise DataError(f"there is no {labels}; it says what each film shows and lies beside the tar") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{labels} cannot be read: {error}") from error
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{labels} lacks the columns {', '.join(missing)}")
    _check_once(labels, [f"{row['label']}/{row['file']}" for row in rows])
    return rows


def _check_once(labels: Path, names: list[str]) -> None:
    if len(names) != len(set(names)):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise DataError(f"{labels} has two rows for {twice}")


def _film(row: Mapping[str, str], tar: Path, members: Mapping[str, tuple[int, int]]) -> Film:
    name = f"{row['label']}/{row['file']}"
    subtype = next((item for item in SUBTYPES.get(row["label"], ()) if item == row["subtype"]), None)
    if subtype is None:
        raise DataError(f"{tar.parent / LABELS}: {row['file']} is {row['label']!r}, {row['subtype']!r}; see its README")
    split: Split | None = next((item for item in SPLITS if item == row["split"]), None)
    if split is None or not row["group_id"]:
        raise DataError(f"{tar.parent / LABELS}: {row['file']} needs a group_id and a split: {', '.join(SPLITS)}")
    if name not in members:
        raise DataError(f"{tar.parent / LABELS} names {name}, which is not in {tar}")
    return Film(
        name=name,
        pneumonia=row["label"] == PNEUMONIA,
        subtype=subtype,
        patient=row["group_id"],
        split=split,
        duplicate=bool(row["dup_of"]),
        cropped=CROPPED[tar.name],
        read=partial(_bytes, tar, *members[name]),
    )


def _bytes(tar: Path, offset: int, size: int) -> bytes:
    try:
        with tar.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise DataError(f"{tar} cannot be read: {error.strerror}") from error
