"""One run of `render`: what to look at, what came out, and whether it may be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from medpattern import __version__
from medpattern.charts.generator import File
from medpattern.errors import DataDeletionError, InputError, UsageError
from medpattern.findings import Finding, did_you_mean, errors_of, in_order
from medpattern.fleet.fleet import Fleet, load_fleet
from medpattern.fleet.repository import Repository, facts_files, find_values
from medpattern.rendering.inputs import CurrentInputs
from medpattern.rendering.renderer import DEFAULT_TREE, RenderedCluster, Renderer
from medpattern.rendering.retirement import vanished_applications
from medpattern.tree.deletions import Removed, removed_objects
from medpattern.tree.plan import Entry, Plan, files_in, plan_cluster, plan_stale
from medpattern.tree.receipt import RECEIPT, Receipt, outputs_hold, read_receipt
from medpattern.tree.write import carry_out
from medpattern.version import require_version


@dataclass(frozen=True)
class Selection:
    """Where the inputs are and which part of the fleet is meant; empty means all."""

    root: Path
    values: str | None = None
    facts: str | None = None
    clusters: tuple[str, ...] = ()
    group: str = ""
    app: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole fleet, so that folders of unknown clusters can be judged."""
        return not (self.clusters or self.group or self.app)

    def load(self) -> Fleet:
        """The fleet, if this version of medpattern may render it.

        Raises:
            UsageError: there is none, or it asks for another version.
        """
        fleet = load_fleet(self.root, self.values, self.facts)
        require_version(fleet.global_document)
        return fleet

    def names(self, fleet: Fleet) -> list[str]:
        """The clusters that are meant, sorted.

        Raises:
            UsageError: a cluster or group that does not exist.
        """
        for name in self.clusters:
            if name not in fleet.facts:
                raise UsageError(f"no cluster '{name}'; {did_you_mean(name, fleet.facts)}")
        groups = {facts.group for facts in fleet.facts.values()}
        if self.group and self.group not in groups:
            raise UsageError(f"no group '{self.group}'; {did_you_mean(self.group, groups)}")
        return sorted(
            name
            for name, facts in fleet.facts.items()
            if (not self.clusters or name in self.clusters) and (not self.group or facts.group == self.group)
        )


@dataclass(frozen=True)
class Outcome:
    """What a run found; nothing is written yet.

    `files` holds the rendered files by path in the tree. `skipped` counts the files of clusters that were
    not rendered, since inputs and outputs hash as their receipts say. `other_version` is that of the
    medpattern that rendered the tree on disk, if it was another one.
    """

    tree: Path
    plan: Plan
    files: dict[str, File] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    removed: tuple[Removed, ...] = ()
    clusters: tuple[str, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    other_version: str = ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid to write."""
        return errors_of(self.findings)

    def write(self, allowed: Iterable[str] = ()) -> None:
        """Carries the plan out.

        Args:
            allowed: KIND/NAME, or CLUSTER/KIND/NAME, of objects with data that may go.

        Raises:
            InputError: there are errors among the findings; nothing is written.
            DataDeletionError: objects that hold data would go; nothing is written.
        """
        if self.errors:
            raise InputError(self.findings)
        permitted = set(allowed)
        refused = [item for item in self.removed if item.holds_data and not permitted & item.names]
        if refused:
            raise DataDeletionError(sorted(f"{item.cluster}/{item.kind}/{item.name}" for item in refused))
        carry_out(self.tree, self.plan.entries, self.files)


def tree_path(root: Path, out: Path) -> str:
    """The rendered tree's path as Argo CD will read it: below the repository, else the default's.

    Raises:
        UsageError: the tree would be the repository itself, or hold it.
    """
    top, tree = Path(os.path.abspath(root)), Path(os.path.abspath(out))  # noqa: PTH100
    if top.is_relative_to(tree):
        raise UsageError(f"--out {out} is the repository or above it; name a folder in it, as {root / 'rendered'}")
    return tree.relative_to(top).as_posix() if tree.is_relative_to(top) else DEFAULT_TREE


def run(selection: Selection, out: Path, *, afresh: bool = False) -> Outcome:
    """Renders what `selection` names and compares it with the tree in `out`.

    Args:
        selection: the inputs.
        out: the rendered tree's folder; need not exist.
        afresh: render everything, and believe no receipt.

    Raises:
        UsageError: no repository, or a name that does not exist.
    """
    tree = tree_path(selection.root, out)
    settled: dict[str, int] = {}
    if not afresh and out.is_dir():
        clusters, settled = _settled_clusters(selection, out, tree)
        if clusters and clusters == settled.keys() and selection.is_whole:
            stale = plan_stale(out, clusters)
            if not stale:
                return Outcome(out, Plan(()), clusters=tuple(sorted(clusters)), skipped=settled)
    fleet = selection.load()
    renderer = Renderer(fleet, tree)
    names = selection.names(fleet)
    files: dict[str, File] = {}
    entries: list[Entry] = []
    apps: set[str] = set()
    skipped = {} if selection.app else {name: settled[name] for name in names if name in settled}
    gone: list[Finding] = []
    todo = [name for name in names if name not in skipped and name not in fleet.without_group]
    for rendered in renderer.clusters(todo):
        name = rendered.cluster.name
        apps |= {item.app.name for item in rendered.apps}
        files |= {f"{name}/{path}": file for path, file in rendered.files.items()}
        mine = plan_cluster(out, name, rendered.files, selection.app)
        entries += mine
        gone += vanished_applications(selection.root, out, tree, rendered, mine)
    if selection.app and selection.app not in apps and not errors_of(renderer.findings):
        raise UsageError(f"no application '{selection.app}' on these clusters; {did_you_mean(selection.app, apps)}")
    if selection.is_whole:
        entries += plan_stale(out, fleet.facts)
    plan = Plan(tuple(sorted(entries, key=lambda entry: entry.path)))
    findings = in_order((*renderer.findings, *gone))
    return Outcome(
        tree=out,
        plan=plan,
        files=files,
        findings=findings,
        # With errors a part is missing from what was rendered, and would look deleted.
        removed=() if errors_of(findings) else tuple(removed_objects(out, plan.entries, files)),
        clusters=tuple(names),
        skipped=skipped,
        other_version=_other_version(out, names),
    )


def _settled_clusters(selection: Selection, out: Path, tree: str) -> tuple[set[str], dict[str, int]]:
    """The names of all clusters, and the number of files of those that need not be rendered.

    Nothing is read as YAML but values-global.yaml: inputs and outputs are hashed and held against the
    receipts.
    """
    repository = Repository(selection.root)
    folder = find_values(selection.root, selection.values, repository.document)
    facts = facts_files(selection.root, selection.facts or f"{folder}/clusters")
    current = CurrentInputs(selection.root, folder, facts)
    settled = {}
    for name in facts:
        receipt = read_receipt(out / name)
        if receipt and _is_settled(out / name, name, tree, receipt, current):
            settled[name] = len(receipt.outputs) + 1
    return set(facts), settled


def _is_settled(folder: Path, name: str, tree: str, receipt: Receipt, current: CurrentInputs) -> bool:
    return (
        receipt.version == __version__
        and receipt.tree == tree
        and current.match(name, receipt)
        and files_in(folder) == {*receipt.outputs, RECEIPT}
        and outputs_hold(folder, receipt)
    )


def _other_version(out: Path, names: Iterable[str]) -> str:
    receipts = (read_receipt(out / name) for name in names)
    return next((receipt.version for receipt in receipts if receipt and receipt.version != __version__), "")


__all__ = ["Outcome", "RenderedCluster", "Selection", "run", "tree_path"]
