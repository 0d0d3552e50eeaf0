"""The model file that comes with medpattern, in a checkout and in a wheel; model/README.md says how it is chosen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import medpattern


@dataclass(frozen=True, slots=True)
class Shipped:
    """Where the shipped model lies, and the digest (hexadecimal) it must have."""

    path: Path
    sha256: str


def model_folder() -> Path:
    """The folder `model/`: inside the wheel, or in this checkout."""
    package = Path(medpattern.__file__).resolve().parent
    inside = package / "builtin" / "model"
    return inside if inside.is_dir() else package.parent.parent / "model"


def shipped() -> Shipped:
    """The file that `model/shipped.json` names."""
    folder = model_folder()
    pin = json.loads((folder / "shipped.json").read_text("utf-8"))
    return Shipped(folder / pin["file"], pin["sha256"])
