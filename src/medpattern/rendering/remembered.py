"""What `validate` found last time, believed as long as every input is the same byte for byte.

Light on purpose: a fleet in which nothing changed needs neither its YAML read nor its charts rendered. Waivers are not
part of it, nor the day: they are judged afresh each time.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medpattern import __version__
from medpattern.charts.files import builtin_folder, cache_folder
from medpattern.findings import Finding, Place, Severity
from medpattern.fleet.places import facts_files, find_values, join
from medpattern.rendering.found import Validation
from medpattern.rendering.selection import Selection
from medpattern.rendering.settled import CurrentInputs

if TYPE_CHECKING:
    from medpattern.rendering.validation import Run

# So many results are kept: of repositories, and of selections in them.
MOST = 64

_LISTING = "(names)"


class Memory:
    """The results of one selection; `schemas` are the folders of further schemas."""

    def __init__(self, selection: Selection, schemas: Sequence[Path] = ()) -> None:
        self.selection = selection
        self.schemas = schemas
        self.folder = find_values(selection.root, selection.values)
        self._facts = selection.facts or join(self.folder, "clusters")
        options = [
            str(selection.root.resolve()), self.folder, self._facts, selection.clusters, selection.group,
            selection.app, *(str(folder.resolve()) for folder in schemas),
        ]  # fmt: skip
        self._name = sha256(json.dumps(options).encode()).hexdigest()

    def recall(self) -> Validation | None:
        """What was found with the very same inputs; None if they differ, or nothing is known."""
        path = self._path()
        try:
            kept = json.loads(path.read_bytes()) if path else None
            if kept is None or kept["tool"] != _tool() or not self._holds(kept["inputs"]):
                return None
            return _validation(kept["found"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, run: Run, found: Validation) -> None:
        """Keeps what `run` found, unless a chart could not be read; a cache that cannot be written is none."""
        path = self._path()
        if path is None or run.renderer.catalog.unreadable:
            return
        from medpattern.tree.write import replace

        kept = {"tool": _tool(), "inputs": self._inputs(run), "found": asdict(found)}
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace(str(path), json.dumps(kept, separators=(",", ":")).encode())
            _forget_oldest(path.parent)

    def _path(self) -> Path | None:
        folder = cache_folder()
        return folder / "validate" / f"{self._name}.json" if folder else None

    def _inputs(self, run: Run) -> dict[str, str]:
        """sha256 of all that was read by name; "" for what was looked for in vain."""
        charts = {f"{path}/": digest for path, digest in run.renderer.catalog.digests().items()}
        return {**run.renderer.fleet.repository.files, **charts, _LISTING: self._listing()}

    def _holds(self, inputs: Mapping[str, str]) -> bool:
        root = self.selection.root
        current = CurrentInputs(root, self.folder, {})
        if inputs.get(_LISTING) != self._listing():
            return False
        return all(current.digest(name) == digest for name, digest in inputs.items() if name != _LISTING)

    def _listing(self) -> str:
        """One sha256 of which clusters, values files and charts there are, and of the further schemas."""
        root = self.selection.root
        names = [*facts_files(root, self._facts).values()]
        names += sorted(map(str, (root / self.folder).glob("values*.y*ml")))
        for base in (root, builtin_folder()):
            names += sorted(map(str, (base / "charts").glob("**/Chart.yaml")))
        contents = sorted(path for folder in self.schemas for path in folder.rglob("*") if path.is_file())
        names += [f"{path} {sha256(path.read_bytes()).hexdigest()}" for path in contents]
        return sha256("\n".join(names).encode()).hexdigest()


@cache
def _tool() -> str:
    """What medpattern is here: its version and files, and what it uses where it is installed."""
    import importlib.util
    import shutil

    parts = [__version__, str(shutil.which("helm"))]
    parts += [f"{name} {bool(importlib.util.find_spec(name))}" for name in ("helm_python", "kubernetes_validate")]
    package = Path(__file__).resolve().parents[1]
    for base, folders, names in os.walk(package):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", "builtin", "pipeline", "dashboard"))
        for name in sorted(names):
            status = os.stat(f"{base}/{name}")  # noqa: PTH116
            parts.append(f"{base}/{name} {status.st_size} {status.st_mtime_ns}")
    return sha256("\n".join(parts).encode()).hexdigest()


def _forget_oldest(folder: Path) -> None:
    known = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in known[:-MOST]:
        path.unlink(missing_ok=True)


def _validation(data: dict[str, Any]) -> Validation:
    """The inverse of `asdict`."""
    unseen = tuple((str(cluster), str(app)) for cluster, app in data["unseen"])
    names = {key: tuple(data[key]) for key in ("clusters", "partial")}
    return Validation(**{**data, **names, "unseen": unseen, "findings": tuple(map(_finding, data["findings"]))})


def _finding(data: dict[str, Any]) -> Finding:
    place, severity = Place(**data["place"]), Severity(data["severity"])
    return Finding(**{**data, "place": place, "severity": severity, "clusters": tuple(data["clusters"])})
