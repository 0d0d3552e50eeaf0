"""The Applications that a rendered tree says a cluster has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from medpattern.argocd.names import SYNC_WAVE
from medpattern.errors import UsageError

_PREFIX, _SUFFIX = "application-", ".yaml"


@dataclass(frozen=True, slots=True)
class ExpectedApplication:
    """One Application of the tree: its name, and the file that declares it; `is_root` if nothing applies it."""

    name: str
    file: Path
    is_root: bool = False

    def wave(self) -> int:
        """Its sync wave, read from its file; 0 if it says none, as a root does."""
        from medpattern.documents.reader import parse_file
        from medpattern.fleet.merge import lookup

        if self.is_root:
            return 0
        text = lookup(parse_file(self.file.name, self.file.read_bytes()).data, ("metadata", "annotations", SYNC_WAVE))[
            1
        ]
        return int(text) if isinstance(text, str) and text.lstrip("-").isdigit() else 0


def expected_applications(tree: Path, cluster: str, clusters: Collection[str]) -> dict[str, ExpectedApplication]:
    """The Applications of a cluster by name, its root first.

    They are known by their files' names, so that a fleet of hundreds costs a listing of folders. The roots of
    the spokes lie with the hub's and belong to the spokes; `clusters` are all names of the fleet.

    Raises:
        UsageError: the cluster was not rendered.
    """
    folder = tree / cluster
    root = folder / "root.yaml"
    if not root.is_file():
        raise UsageError(f"{root}: no such file, so nothing tells what '{cluster}' should have; run: medpattern render")
    found = {f"{cluster}-root": ExpectedApplication(f"{cluster}-root", root, is_root=True)}
    for file in sorted((folder / "argocd").glob(f"{_PREFIX}*{_SUFFIX}")):
        name = file.name[len(_PREFIX) : -len(_SUFFIX)]
        owner = name.removesuffix("-root")
        if owner == name or owner not in clusters:
            found[name] = ExpectedApplication(name, file)
    return found


def expected_of_others(
    tree: Path, names: Collection[str], clusters: Collection[str]
) -> dict[str, dict[str, ExpectedApplication]]:
    """The same for clusters that nobody asked about: one that was not rendered has none."""
    return {
        name: expected_applications(tree, name, clusters) if (tree / name / "root.yaml").is_file() else {}
        for name in names
    }
