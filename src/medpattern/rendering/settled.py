"""Which clusters need no rendering: inputs and outputs are hashed again and held against the receipts.

Light on purpose: a fleet in which nothing changed is the common case, and needs neither YAML nor Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from medpattern import __version__
from medpattern.charts.files import OutsideLinkError, chart_digest, chart_files, find_chart
from medpattern.fleet.places import GLOBAL_FILE, facts_files, find_values, join
from medpattern.rendering.selection import Selection, tree_path
from medpattern.tree.files import cluster_folders, files_in
from medpattern.tree.receipt import RECEIPT, Receipt, outputs_hold, read_receipt

SPOKES = "(spokes)"

_SOURCE = re.compile(rb"\b(?:main|mirrors)\b['\"]?[ \t]*:")
_HUB = re.compile(rb"(?:^|[{,])[ \t]*['\"]?hub['\"]?[ \t]*:[ \t]*['\"]?([^\s'\"#,}]+)", re.MULTILINE)


@dataclass(frozen=True)
class Settled:
    """`files` counts the files of each cluster that is as its receipt says.

    `is_all` tells that these are all clusters there are, and that the tree holds no other's folder.
    """

    files: dict[str, int]
    is_all: bool


def settled_clusters(selection: Selection, out: Path) -> Settled:
    """Compares the whole fleet of `selection` with the tree in `out`.

    Raises:
        UsageError: there is no repository, or the tree would be the repository itself.
    """
    tree = tree_path(selection.root, out)
    folder = find_values(selection.root, selection.values)
    facts = facts_files(selection.root, selection.facts or join(folder, "clusters"))
    current = CurrentInputs(selection.root, folder, facts)
    files = {}
    for name in facts:
        receipt = read_receipt(out / name)
        if receipt and _is_settled(out / name, name, tree, receipt, current):
            files[name] = len(receipt.outputs) + 1
    return Settled(files, bool(facts) and files.keys() == facts.keys() >= set(cluster_folders(out)))


def _is_settled(folder: Path, name: str, tree: str, receipt: Receipt, current: CurrentInputs) -> bool:
    return (
        receipt.version == __version__
        and receipt.tree == tree
        and current.match(name, receipt)
        and files_in(folder) == {*receipt.outputs, RECEIPT}
        and outputs_hold(folder, receipt)
    )


class CurrentInputs:
    """Hashes inputs as they are now, each once, without reading any as YAML."""

    def __init__(self, root: Path, values_folder: str, facts_files: Mapping[str, str]) -> None:
        self.root = root
        self.folder = values_folder
        self._facts = facts_files
        self._digests: dict[str, str] = {}
        self._spokes = Spokes(root, values_folder, facts_files)

    def match(self, cluster: str, receipt: Receipt) -> bool:
        """Whether `receipt` of `cluster` names the inputs of this repository, all unchanged."""
        inputs = receipt.inputs
        needed = {join(self.folder, GLOBAL_FILE), *([self._facts[cluster]] if cluster in self._facts else [])}
        if not needed <= inputs.keys():
            return False
        return all(self.digest(name, cluster) == digest for name, digest in inputs.items())

    def digest(self, name: str, cluster: str = "") -> str:
        """sha256 of an input as receipts name it, now; "" if it is not there."""
        if name == SPOKES:
            return self._spokes.digest(cluster)
        if name not in self._digests:
            self._digests[name] = self._chart(name[:-1]) if name.endswith("/") else self._file(name)
        return self._digests[name]

    def _file(self, name: str) -> str:
        try:
            return sha256((self.root / name).read_bytes()).hexdigest()
        except OSError:
            return ""

    def _chart(self, path: str) -> str:
        folder = find_chart(self.root, path)
        try:
            return chart_digest(chart_files(folder)) if folder else ""
        except OutsideLinkError:
            return ""


@dataclass(frozen=True)
class Spokes:
    """What the roots of a hub's spokes depend on, read without YAML.

    Their facts, and every values file that may set `main` or `mirrors`: whatever else a hospital changes in
    its own values is no concern of the hub.
    """

    root: Path
    values_folder: str
    facts: Mapping[str, str]

    def digest(self, hub: str) -> str:
        """One sha256 of it all; the same constant for every cluster that has no spokes."""
        files = self._facts_by_hub.get(hub)
        if not files:
            return ""
        text = "".join(f"{name}\0{digest}\n" for name, digest in sorted((files | self._sources).items()))
        return sha256(text.encode()).hexdigest()

    @cached_property
    def _facts_by_hub(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, file in self.facts.items():
            content = (self.root / file).read_bytes()
            match = _HUB.search(content)
            if match and match[1].decode() != name:
                found.setdefault(match[1].decode(), {})[file] = sha256(content).hexdigest()
        return found

    @cached_property
    def _sources(self) -> dict[str, str]:
        paths = (self.root / self.values_folder).glob("values-*.yaml")
        contents = {path.name: path.read_bytes() for path in paths if path.is_file()}
        return {name: sha256(content).hexdigest() for name, content in contents.items() if _SOURCE.search(content)}
