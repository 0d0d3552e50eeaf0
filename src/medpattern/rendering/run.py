"""One run of `render`: what to look at, what came out, and whether it may be written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from medpattern import __version__
from medpattern.documents.file import File
from medpattern.errors import DataDeletionError, InputError, UsageError
from medpattern.findings import Finding, did_you_mean, errors_of, in_order
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.retirement import vanished_applications
from medpattern.rendering.selection import Selection, tree_path
from medpattern.rendering.settled import Settled
from medpattern.tree.deletions import Removed, removed_objects
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


def _other_version(out: Path, names: Iterable[str]) -> str:
    versions = (rendered_by(out / name) for name in names)
    return next((version for version in versions if version not in ("", __version__)), "")
