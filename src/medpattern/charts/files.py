"""The files of a chart on disk, where charts lie, and the cache. Light: an unchanged fleet needs no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from medpattern import __version__

SOURCE_MARK = "medpattern.io/chart-source"
# A chart source so marked gets the value `flows`, which is made of the cluster's other applications.
FLOWS_MARK = "medpattern.io/flows"

# Beside an ordinary chart's own values.yaml: what the cluster lays over it.
COPIED_VALUES = "values-medpattern.yaml"


class OutsideLinkError(Exception):
    """A link in a chart leads out of it; the text is its name."""


@cache
def builtin_folder() -> Path:
    """The folder that holds the shipped `charts/` and `values/`: in the wheel, or this checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "builtin"
    return inside if inside.is_dir() else package.parent.parent


def find_chart(root: Path, path: str) -> Path | None:
    """The folder of the chart `path`: in the repository at `root`, or among those that ship with medpattern."""
    if ".." in path.split("/"):
        return None
    for base in (root, builtin_folder()):
        folder = base / path
        if (folder / "Chart.yaml").is_file() and folder.resolve().is_relative_to(base.resolve()):
            return folder
    return None


def chart_files(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its name relative to it, hidden ones but .helmignore left out.

    Raises:
        OutsideLinkError: a link that leaves the folder.
    """
    files = {}
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") and part != ".helmignore" for part in name.split("/"))
        if hidden or not path.is_file():
            continue
        if not path.resolve().is_relative_to(root):
            raise OutsideLinkError(name)
        files[name] = path.read_bytes()
    return files


def chart_digest(files: Mapping[str, bytes]) -> str:
    """sha256 over names and contents; the README of a chart source is made from the others and left out."""
    is_source = SOURCE_MARK.encode() in files.get("Chart.yaml", b"")
    total = sha256()
    for name in sorted(files):
        if not (is_source and name == "README.md"):
            total.update(f"{name}\0{sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def cache_folder() -> Path | None:
    """Where compiled templates and results are kept, readable by this user only; None where none can be made."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "medpattern" / f"{__version__}-{sys.implementation.cache_tag}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    return folder if status.st_uid == os.getuid() and not status.st_mode & 0o022 else None
