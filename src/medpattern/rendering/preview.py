"""What a render would change, object by object: against the tree on disk, or between two git revisions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from medpattern.documents.file import File, lay_out
from medpattern.errors import InputError
from medpattern.findings import Finding, errors_of
from medpattern.fleet.fleet import Fleet, load_fleet
from medpattern.fleet.places import facts_files, find_values, join
from medpattern.rendering.diff import ObjectDiff, tree_diff
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.run import is_of_application, run
from medpattern.rendering.selection import Selection
from medpattern.rendering.settled import Settled
from medpattern.tree.deletions import Removed, removed_objects
from medpattern.tree.history import export_revision
from medpattern.tree.plan import Action, Entry
from medpattern.tree.receipt import RECEIPT


@dataclass(frozen=True)
class Preview:
    """What would change and what would go.

    `clusters` are all of the fleet, those that are gone and not yet rendered included. `findings` are those of the
    new side. `notes` name what was compared by its files only.
    """

    diffs: tuple[ObjectDiff, ...]
    removed: tuple[Removed, ...]
    clusters: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes on any cluster."""
        return not (self.diffs or self.removed)


@dataclass(frozen=True)
class _Side:
    """One revision, rendered: `own` are the paths that --app leaves, all of them without it."""

    files: dict[str, File]
    own: frozenset[str]
    apps: frozenset[str]
    findings: tuple[Finding, ...]

    @property
    def contents(self) -> dict[str, bytes]:
        return {path: self.files[path].content for path in self.own}


def preview_tree(selection: Selection, tree: Path, settled: Settled | None = None) -> Preview:
    """What a render of `selection` would change in the rendered tree `tree`.

    Raises:
        InputError: the inputs have errors.
        UsageError: no repository, or a name that does not exist.
    """
    outcome = run(selection, tree, settled)
    if outcome.errors:
        raise InputError(outcome.findings)
    old: dict[str, bytes] = {}
    new: dict[str, bytes] = {}
    for entry in outcome.plan.of(Action.CREATE, Action.UPDATE, Action.DELETE, Action.UNCHANGED):
        if entry.action is not Action.DELETE:
            new[entry.path] = outcome.files[entry.path].content
        if entry.action is Action.UNCHANGED:
            old[entry.path] = new[entry.path]
        elif entry.action is not Action.CREATE and (tree / entry.path).is_file():
            old[entry.path] = (tree / entry.path).read_bytes()
    found = tree_diff(old, new)
    folder = find_values(selection.root, selection.values)
    known = {*facts_files(selection.root, selection.facts or join(folder, "clusters")), *outcome.clusters}
    clusters = tuple(sorted(known | {path.partition("/")[0] for path in old}))
    return Preview(found.objects, outcome.removed, clusters, outcome.findings, found.notes)


def preview_revisions(selection: Selection, revision: str, target: str = "") -> Preview:
    """What the inputs render differently since `revision`; neither the work tree nor the rendered tree is touched.

    Clusters, groups and applications that `selection` names may exist on one side only.

    Args:
        selection: the inputs and the part of the fleet.
        revision: the old side.
        target: the new side; the work tree if "".

    Raises:
        InputError: the inputs of one side have errors; places are told as `<revision>:<file>`.
        RemoteError: git does not know a revision.
        UsageError: no repository, a name that neither side knows, or the new side asks for another version.
    """
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        base = Path(name)
        before = replace(selection, root=export_revision(selection.root, revision, base / "from"))
        after = selection
        if target:
            after = replace(selection, root=export_revision(selection.root, target, base / "to"))
        # The old side may ask for an older version: what counts is what this one makes of it.
        old_fleet, new_fleet = load_fleet(before.root, before.values, before.facts), after.load()
        names = selection.names(old_fleet, new_fleet)
        old = _render(old_fleet, names, selection.app, revision)
        new = _render(new_fleet, names, selection.app, target)
        for side in (old, new):
            if errors_of(side.findings):
                raise InputError(side.findings)
        selection.require_app(old.apps | new.apps)
        found = tree_diff(old.contents, new.contents)
        removed = _removed(base / "tree", old, new)
    clusters = tuple(sorted(old_fleet.facts.keys() | new_fleet.facts.keys()))
    return Preview(found.objects, removed, clusters, new.findings, found.notes)


def _render(fleet: Fleet, names: Iterable[str], app: str, revision: str) -> _Side:
    """Those clusters among `names` that `fleet` has; `revision` is "" for the work tree."""
    renderer = Renderer(fleet)
    files: dict[str, File] = {}
    own: set[str] = set()
    apps: set[str] = set()
    for rendered in renderer.clusters(name for name in names if name in fleet.facts):
        mine = {f"{rendered.cluster.name}/{path}": file for path, file in rendered.files.items() if path != RECEIPT}
        files |= mine
        own |= {path for path in mine if not app or is_of_application(rendered.cluster, app, path.partition("/")[2])}
        apps |= {item.app.name for item in rendered.apps}
    findings = tuple(_at_revision(finding, revision) for finding in renderer.findings)
    return _Side(files, frozenset(own), frozenset(apps), findings)


def _at_revision(finding: Finding, revision: str) -> Finding:
    """`finding` with its place as git names it, since the work tree's file may look different."""
    place = finding.place
    if not revision or Path(place.file).is_absolute():
        return finding
    return replace(finding, place=replace(place, file=f"{revision}:{place.file}"))


def _removed(folder: Path, old: _Side, new: _Side) -> tuple[Removed, ...]:
    """The objects that go, found as in a real tree: the old side of what changes is laid out in `folder`."""
    entries = list(_entries(old, new))
    losing = {entry.path.partition("/")[0] for entry in entries if entry.action is not Action.CREATE}
    lay_out(folder, {path: file.content for path, file in old.files.items() if path.partition("/")[0] in losing})
    return tuple(removed_objects(folder, entries, new.files))


def _entries(old: _Side, new: _Side) -> Iterable[Entry]:
    for path in sorted(old.own | new.own):
        if path not in new.files:
            yield Entry(path, Action.DELETE)
        elif path not in old.files:
            yield Entry(path, Action.CREATE, new.files[path].digest)
        elif old.files[path].digest != new.files[path].digest:
            yield Entry(path, Action.UPDATE, new.files[path].digest)
