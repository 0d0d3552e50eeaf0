"""The views of one Plan: write, --check, --dry-run, --diff, --stdout. Each returns the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medpattern import __version__
from medpattern.charts.helm import NEEDS_HELM
from medpattern.cli import console, waiving
from medpattern.documents.writer import dump
from medpattern.errors import DataDeletionError, HelmError, InputError
from medpattern.findings import errors_of
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.diff import cluster_ranges
from medpattern.rendering.preview import Preview, preview_revisions, preview_tree
from medpattern.rendering.renderer import RenderedCluster, Renderer
from medpattern.rendering.run import Outcome, run
from medpattern.rendering.selection import Selection, tree_path
from medpattern.rendering.settled import Settled
from medpattern.tree.deletions import Removed
from medpattern.tree.plan import Action, Entry

_CHECK_WORDS = {
    Action.CREATE: "missing",
    Action.UPDATE: "differs",
    Action.DELETE: "no longer made by the inputs",
    Action.FOREIGN: "not made by medpattern",
}
_DONE_WORDS = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}


def write(selection: Selection, tree: Path, settled: Settled | None, allowed: tuple[str, ...], *, as_json: bool) -> int:
    """Renders, writes and says what was done."""
    outcome = run(selection, tree, settled)
    if not as_json:
        waiving.say(outcome.findings, selection)
        _print_removed(outcome.removed, "will be deleted from the clusters")
    refused: tuple[str, ...] = ()
    if not outcome.errors:
        try:
            outcome.write(allowed)
        except DataDeletionError as error:
            if not as_json:
                raise
            console.error(error)
            refused = error.objects
    if as_json:
        console.data_json({**_as_json(outcome), "refused": list(refused)})
    if outcome.errors or as_json:
        return 2 if outcome.errors or refused else 0
    for entry in outcome.plan.of(Action.FOREIGN):
        console.say(f"not made by medpattern, left alone: {tree / entry.path}")
    _summary(outcome)
    return 0


def check(selection: Selection, tree: Path, *, as_json: bool) -> int:
    """Proves that the tree is what the inputs render; believes no receipt."""
    outcome = run(selection, tree)
    code = 2 if outcome.errors else int(not outcome.plan.is_clean)
    if as_json:
        console.data_json({**_as_json(outcome), "clean": code == 0})
        return code
    if outcome.other_version:
        console.say(f"the tree was rendered by medpattern {outcome.other_version}, this is {__version__}")
    waiving.say(outcome.findings, selection)
    if outcome.errors:
        return code
    for entry in outcome.plan.of(*_CHECK_WORDS):
        console.data(f"{_CHECK_WORDS[entry.action]}: {tree / entry.path}")
    if code:
        number = len(outcome.plan.of(*_CHECK_WORDS))
        console.say(f"{number} file(s) are not what the inputs render; run 'medpattern render' and commit")
    else:
        console.say(f"{len(outcome.plan.entries)} files are what the inputs render")
    return code


def dry_run(selection: Selection, tree: Path, settled: Settled | None, *, as_json: bool) -> int:
    """Prints what a render would do."""
    outcome = run(selection, tree, settled)
    if as_json:
        console.data_json(_as_json(outcome))
        return 2 if outcome.errors else 0
    waiving.say(outcome.findings, selection)
    if outcome.errors:
        return 2
    _print_removed(outcome.removed, "would be deleted from the clusters")
    for entry in outcome.plan.of(Action.CREATE, Action.UPDATE, Action.DELETE):
        console.data(f"{entry.action}: {tree / entry.path}")
    _summary(outcome, would=True)
    return 0


def diff(selection: Selection, tree: Path, settled: Settled | None, *, as_json: bool) -> int:
    """Prints what a render would change, object by object."""
    return _print_preview(preview_tree(selection, tree, settled), selection, as_json=as_json)


def diff_from(selection: Selection, revision: str, target: str, *, as_json: bool) -> int:
    """Prints what the inputs render differently since a git revision; the work tree is not touched."""
    return _print_preview(preview_revisions(selection, revision, target), selection, as_json=as_json)


def stream(selection: Selection, tree: Path, *, as_json: bool) -> int:
    """Prints every object of the selected clusters, charts hydrated, as a YAML stream (or JSON lines)."""
    fleet = selection.load()
    renderer = Renderer(fleet, tree_path(selection.root, tree))
    rendered = list(renderer.clusters(selection.names(fleet)))
    waiving.say(renderer.findings, selection)
    if errors_of(renderer.findings):
        return 2
    selection.require_app({app.app.name for item in rendered for app in item.apps})
    for item in rendered:
        objects: list[dict[str, Any]] = [] if selection.app else list(item.manifests.values())
        for app in item.apps:
            if selection.app not in ("", app.app.name):
                continue
            if app.is_hydrated:
                objects += _objects(item, app)
            else:
                why = NEEDS_HELM if app.is_copied else "not hydrated: its chart lies in another repository"
                console.say(f"{item.cluster.name}/{app.app.name}: {why}")
        for found in objects:
            console.data(json.dumps(found, ensure_ascii=False) if as_json else "---\n" + dump(found).rstrip("\n"))
    return 0


def _objects(item: RenderedCluster, app: RenderedApp) -> list[dict[str, Any]]:
    try:
        return app.objects()
    except HelmError as error:
        raise HelmError(f"{item.cluster.name}/{app.app.name}: {error}") from error
    except InputError as error:
        words = "; ".join(map(str, error.findings))
        raise HelmError(f"{item.cluster.name}/{app.app.name}: {words}") from error


def _print_removed(removed: Iterable[Removed], words: str) -> None:
    removed = list(removed)
    if removed:
        console.data(f"{words}:")
    for item in removed:
        console.data(f"  {item}" + ("  (holds data)" if item.holds_data else ""), "red")


def _print_preview(preview: Preview, selection: Selection, *, as_json: bool) -> int:
    for note in preview.notes:
        console.say(note)
    if as_json:
        console.data_json({
            "removed": [_removed_json(item) for item in preview.removed],
            "objects": [
                {"part": item.part, "object": item.label, "clusters": list(item.clusters), "diff": list(item.lines)}
                for item in preview.diffs
            ],
        })  # fmt: skip
        return int(not preview.is_empty)
    waiving.say(preview.findings, selection)
    _print_removed(preview.removed, "will be deleted from the clusters")
    for item in preview.diffs:
        where = cluster_ranges(item.clusters, preview.clusters)
        many = f"same change on {where}" if len(item.clusters) > 1 else where
        console.data(f"--- {item.part}: {item.label} ({many})", "cyan")
        for line in item.lines:
            console.data(line, {"+": "green", "-": "red"}.get(line[:1], ""))
    if preview.is_empty:
        console.say("no object changes")
    return int(not preview.is_empty)


def _summary(outcome: Outcome, *, would: bool = False) -> None:
    counts = outcome.plan.counts
    done = [f"{counts[action]} {word}" for action, word in _DONE_WORDS.items() if counts[action]]
    total = counts[Action.UNCHANGED] + counts[Action.CREATE] + counts[Action.UPDATE] + sum(outcome.skipped.values())
    words = f"{console.number(len(outcome.clusters), 'cluster')}, {total} files in {outcome.tree}"
    if not done:
        console.say(f"{words}: {console.NOTHING_TO_DO}")
        return
    by_cluster: dict[str, list[Entry]] = {}
    for entry in outcome.plan.of(*_DONE_WORDS):
        by_cluster.setdefault(entry.path.partition("/")[0], []).append(entry)
    for name, entries in sorted(by_cluster.items()) if len(by_cluster) <= 20 else ():
        parts = [f"{sum(e.action is action for e in entries)} {word}" for action, word in _DONE_WORDS.items()
                 if any(e.action is action for e in entries)]  # fmt: skip
        console.say(f"  {name}: {', '.join(parts)}")
    console.say(f"{words}: {'would be ' if would else ''}{', '.join(done)}")


def _removed_json(item: Removed) -> dict[str, Any]:
    return {
        "cluster": item.cluster,
        "kind": item.kind,
        "name": item.name,
        "namespace": item.namespace,
        "holdsData": item.holds_data,
    }


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "clusters": list(outcome.clusters),
        "files": [
            {"path": entry.path, "action": str(entry.action), "sha256": entry.digest} for entry in outcome.plan.entries
        ],
        "skipped": outcome.skipped,
        "removed": [_removed_json(item) for item in outcome.removed],
        "findings": [finding.as_json() for finding in outcome.findings],
        "renderedBy": outcome.other_version,
    }
