"""Small data sets of every layout, of flat films whose scores by the tests' tiny model are known beforehand."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.pipeline.images.films import raster

COLUMNS = ["file", "label", "patient_id", "group_id", "subtype", "split", "in_full320", "orig_w", "orig_h", "dup_of"]

# One row each: name, label, group, subtype, split, in_full320, dup_of.
LABELS = (
    ("IM-0115-0001.jpeg", "NORMAL", "IM-0115", "normal", "val", "0", ""),
    ("NORMAL2-IM-0383-0001.jpeg", "NORMAL", "NORMAL2-IM-0383", "normal", "train", "1", ""),
    ("person1_bacteria_1.jpeg", "PNEUMONIA", "person1", "bacteria", "train", "1", ""),
    ("person7_virus_9.jpeg", "PNEUMONIA", "person7", "virus", "val", "1", ""),
    ("person7_virus_10.jpeg", "PNEUMONIA", "person7", "virus", "val", "0", "person7_virus_9.jpeg"),
)


def film(score: float, gate: float = 0.9) -> bytes:
    """A PNG that the tiny model gives this score and this gate (to 0.01): its mean, and that of its upper half."""
    pixels = np.full((32, 48), round(255 * gate), np.uint8)
    lower = 2 * score - gate
    assert 0 <= lower <= 1, "no flat halves have that mean"
    pixels[16:] = round(255 * lower)
    return raster(pixels, "PNG")


def original(root: Path, films: Mapping[str, bytes]) -> Path:
    """A folder that holds `films`, bytes by path (`test/NORMAL/IM-0001-0001.jpeg`)."""
    for path, data in films.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def shared(root: Path, rows: Sequence[Sequence[str]] = LABELS, *, tar: str = "cxr224.tar") -> Path:
    """A folder with a tar and a labels.csv of `rows`; the full-size tar holds only the rows marked for it."""
    labels(root / "labels.csv", rows)
    kept = [row for row in rows if tar == "cxr224.tar" or row[5] == "1"]
    write_tar(root / tar, {f"{row[1]}/{row[0]}": film(0.8 if row[1] == "PNEUMONIA" else 0.6) for row in kept})
    return root


def labels(path: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for name, label, group, subtype, split, held, twin in rows:
            row = {"file": name, "label": label, "patient_id": group, "group_id": group, "subtype": subtype}
            writer.writerow(row | {"split": split, "in_full320": held, "dup_of": twin})


def write_tar(path: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))


def mnist(path: Path, side: int = 28, **arrays: Any) -> Path:
    """A PneumoniaMNIST with two films in each split, other arrays by keyword (None leaves one out)."""
    grey = np.array([40, 200], np.uint8)
    held: dict[str, Any] = {}
    for number, split in enumerate(("train", "val", "test")):
        held[f"{split}_images"] = np.ones((2, side, side), np.uint8) * (grey + number)[:, None, None]
        held[f"{split}_labels"] = np.array([[0], [1]])
    np.savez(path, **{name: value for name, value in (held | arrays).items() if value is not None})
    return path
