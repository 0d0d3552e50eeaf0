"""One run of `render`: what to look at, what came out, and whether it may be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medpattern import __version__
from medpattern.charts.skeleton import file_name
from medpattern.documents.file import File
from medpattern.errors import DataDeletionError, InputError
from medpattern.findings import Finding, errors_of, in_order
from medpattern.fleet.cluster import Cluster
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.retirement import shrinking_projects, vanished_applications
from medpattern.rendering.selection import Selection, tree_path
from medpattern.rendering.settled import Settled
from medpattern.tree.deletions import Removed, removed_objects
from medpattern.tree.history import lost_files
from medpattern.tree.plan import Entry, Plan, plan_cluster, plan_stale
from medpattern.tree.receipt import RECEIPT, keeping, read_receipt, rendered_by
from medpattern.tree.write import carry_out


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


def run(selection: Selection, out: Path, settled: Settled | None = None) -> Outcome:
    """Renders what `selection` names and compares it with the tree in `out`.

    Args:
        selection: the inputs.
        out: the rendered tree's folder; need not exist.
        settled: clusters that need not be rendered; None renders everything afresh and believes no receipt.

    Raises:
        UsageError: no repository, or a name that does not exist.
    """
    tree = tree_path(selection.root, out)
    fleet = selection.load()
    renderer = Renderer(fleet, tree)
    names = selection.names(fleet)
    files: dict[str, File] = {}
    entries: list[Entry] = []
    apps: set[str] = set()
    known = settled.files if settled and not selection.app else {}
    skipped = {name: known[name] for name in names if name in known}
    gone: list[Finding] = []
    for rendered in renderer.clusters(name for name in names if name not in skipped):
        name = rendered.cluster.name
        apps |= {item.app.name for item in rendered.apps}
        if selection.app:
            kept = keeping(rendered.receipt, read_receipt(out / name))
            rendered.files[RECEIPT] = File.of(kept.text())
        files |= {f"{name}/{path}": file for path, file in rendered.files.items()}
        mine = plan_cluster(out, name, rendered.files, _wanted(rendered.cluster, selection.app))
        entries += mine
        gone += vanished_applications(selection.root, out, tree, rendered, mine)
        gone += shrinking_projects(out, rendered, mine)
    # With errors a part is missing from what was rendered, and would look deleted.
    broken = bool(errors_of(renderer.findings))
    if not broken:
        selection.require_app(apps)
    if selection.is_whole:
        entries += plan_stale(out, fleet.facts)
    plan = Plan(tuple(sorted(entries, key=lambda entry: entry.path)))
    findings = in_order((*renderer.findings, *(() if broken else gone)))
    lost = {} if selection.app else _lost(selection, out, tree, files)
    return Outcome(
        tree=out,
        plan=plan,
        files=files,
        findings=findings,
        removed=() if broken else tuple(removed_objects(out, plan.entries, files, lost)),
        clusters=tuple(names),
        skipped=skipped,
        # A settled cluster was rendered by this version, or it would not be settled.
        other_version=_other_version(out, (name for name in names if name not in skipped)),
    )


def _lost(selection: Selection, out: Path, tree: str, files: Mapping[str, File]) -> dict[str, bytes]:
    """Files of the rendered clusters at HEAD that are gone from disk without a render having said so."""
    if not out.is_dir() or (selection.root / tree).resolve() != out.resolve():
        return {}
    receipts = {name: read_receipt(out / name) for name in {path.partition("/")[0] for path in files}}

    def is_lost(path: str) -> bool:
        # What a render has removed is in no receipt any longer, and has been agreed to.
        cluster, _, name = path.partition("/")
        receipt = receipts.get(cluster)
        return cluster in receipts and (receipt is None or name in receipt.outputs)

    return lost_files(selection.root, tree, out, is_lost)


def is_of_application(cluster: Cluster, app: str, name: str) -> bool:
    """Whether a file of a cluster's folder belongs to the application `app` alone."""
    manifest = f"argocd/{file_name('Application', cluster.facts.name_in_argocd(app))}"
    return name == manifest or name.startswith(f"charts/{app}/")


def _wanted(cluster: Cluster, app: str) -> Callable[[str], bool]:
    """What a render of `app` alone writes; of all files without one.

    The receipt goes with it: it says what the inputs render, so files that lag behind stay visible.
    """
    if not app:
        return bool
    return lambda name: name == RECEIPT or is_of_application(cluster, app, name)


def _other_version(out: Path, names: Iterable[str]) -> str:
    versions = (rendered_by(out / name) for name in names)
    return next((version for version in versions if version not in ("", __version__)), "")
