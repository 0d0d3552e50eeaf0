"""The original layout: chest_xray/train|val|test/NORMAL|PNEUMONIA, one file a film."""

from __future__ import annotations

from collections import Counter
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from medpattern.evaluation.film import NORMAL, PNEUMONIA, SPLITS, DataError, Film, Split
from medpattern.evaluation.names import IMAGE_SUFFIXES, NameParts, parse_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What archives are unpacked to: Kaggle's holds the folder inside a folder of the same name.
FOLDER = "chest_xray"
SHOWN = 3


def is_original(path: Path) -> bool:
    """Whether the folder has the original layout, or one part of it, or holds a folder that has."""
    return bool(_parts(path))


def original_films(path: Path, *, strict: bool) -> tuple[Film, ...]:
    """All films of the folder; of a part alone (NORMAL and PNEUMONIA) they are of the split its name says, else test.

    A file name that says no patient is an error if `strict`; else such a film is a patient of its own, its kind of
    pneumonia unknown. Raises DataError.
    """
    parts = _parts(path)
    found = [(split, file) for split, folder in parts.items() for file in _files(folder)]
    if not found:
        raise DataError(f"{path} holds no films: {NORMAL} and {PNEUMONIA} in it are empty")
    if strict:
        _check_names([file for _, file in found])
    again = _duplicates([file for _, file in found])
    names = _names(found)
    return tuple(
        _film(name, split, file, duplicate=file in again) for name, (split, file) in zip(names, found, strict=True)
    )


def _parts(path: Path) -> dict[Split, Path]:
    """The folders that hold NORMAL or PNEUMONIA, by the split they are."""
    inside = {split: path / split for split in SPLITS if _is_part(path / split)}
    if inside:
        return inside
    if _is_part(path):
        return {next((split for split in SPLITS if path.resolve().name == split), "test"): path}
    deeper = path / FOLDER
    return _parts(deeper) if deeper.is_dir() else {}


def _is_part(folder: Path) -> bool:
    return (folder / NORMAL).is_dir() or (folder / PNEUMONIA).is_dir()


def _files(part: Path) -> Iterator[Path]:
    """The films of one part, in the order of their names. Raises DataError for files that are none."""
    for label in (NORMAL, PNEUMONIA):
        folder = part / label
        if not folder.is_dir():
            raise DataError(f"{part} has no folder {label}; a split needs both, {NORMAL} and {PNEUMONIA}")
        for file in sorted(folder.iterdir()):
            if file.name.startswith("."):  # .DS_Store, which the published archives hold
                continue
            if file.suffix.lower() not in IMAGE_SUFFIXES or not file.is_file():
                raise DataError(f"{file} is no film: files ending in {', '.join(IMAGE_SUFFIXES)} are; move it away")
            parts = parse_name(file.name)
            if parts is not None and parts.pneumonia != (label == PNEUMONIA):
                raise DataError(f"{file}: the name says {parts.subtype}, the folder {label}; put it where it belongs")
            yield file


def _check_names(files: list[Path]) -> None:
    unknown = [file for file in files if parse_name(file.name) is None]
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise DataError(
            f"file names that say no patient: {', '.join(map(str, unknown[:SHOWN]))}{more}; known are "
            "personN_bacteria_M.jpeg, personN_virus_M.jpeg, IM-N-M.jpeg and NORMAL2-IM-N-M.jpeg"
        )


def _names(found: list[tuple[Split, Path]]) -> Iterator[str]:
    """Label and file name, as in the shared set; the split before it only where an earlier split has that name too."""
    taken: set[str] = set()
    for split, file in found:
        name = f"{file.parent.name}/{file.name}"
        yield f"{split}/{name}" if name in taken else name
        taken.add(name)


def _film(name: str, split: Split, file: Path, *, duplicate: bool) -> Film:
    parts = parse_name(file.name) or NameParts(name, "pneumonia" if file.parent.name == PNEUMONIA else "normal")
    return Film(name, parts.pneumonia, parts.subtype, parts.patient, split, duplicate, False, partial(_bytes, file))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error


def _duplicates(files: list[Path]) -> set[Path]:
    """Files whose bytes an earlier one has; only those of equal size are read."""
    sizes = Counter(sizes_of := [file.stat().st_size for file in files])
    seen: set[bytes] = set()
    again = set()
    for file, size in zip(files, sizes_of, strict=True):
        if sizes[size] > 1:
            digest = sha256(_bytes(file)).digest()
            again |= {file} if digest in seen else set()
            seen.add(digest)
    return again
