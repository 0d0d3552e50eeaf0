"""The views of one Plan: write, --check, --dry-run, --diff, --stdout. Each returns the exit code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medpattern.charts.helm import NEEDS_HELM
from medpattern.cli import console
from medpattern.cli.render import NOTHING_TO_DO
from medpattern.documents.file import File
from medpattern.documents.writer import dump
from medpattern.errors import InputError, UsageError
from medpattern.findings import did_you_mean, errors_of
from medpattern.rendering.diff import ObjectDiff, cluster_ranges, tree_diff
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.run import Outcome, run
from medpattern.rendering.selection import Selection, tree_path
from medpattern.rendering.settled import Settled
from medpattern.tree.deletions import Removed
from medpattern.tree.history import export_revision
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
        console.findings(outcome.findings)
        _print_removed(outcome.removed, "will be deleted from the clusters")
    if not outcome.errors:
        outcome.write(allowed)
    if as_json:
        console.data_json(_as_json(outcome))
    if outcome.errors or as_json:
        return 2 if outcome.errors else 0
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
    console.findings(outcome.findings)
    if outcome.errors:
        return code
    if outcome.other_version:
        console.say(f"the tree was rendered by medpattern {outcome.other_version}, this is another version")
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
    console.findings(outcome.findings)
    if outcome.errors:
        return 2
    _print_removed(outcome.removed, "would be deleted from the clusters")
    for entry in outcome.plan.of(Action.CREATE, Action.UPDATE, Action.DELETE):
        console.data(f"{entry.action}: {tree / entry.path}")
    _summary(outcome, would=True)
    return 0


def diff(selection: Selection, tree: Path, settled: Settled | None, *, as_json: bool) -> int:
    """Prints what a render would change, object by object."""
    outcome = run(selection, tree, settled)
    if outcome.errors:
        raise InputError(outcome.findings)
    if not as_json:
        console.findings(outcome.findings)
    touched = {entry.path for entry in outcome.plan.of(Action.CREATE, Action.UPDATE, Action.DELETE)}
    clusters = {path.partition("/")[0] for path in touched}
    old = {path: content for name in clusters for path, content in _on_disk(tree, name)}
    new = {
        path: file.content
        for path, file in outcome.files.items()
        if path.partition("/")[0] in clusters and (path in touched or not selection.app or path in old)
    }
    if selection.app:
        new = {**old, **{path: content for path, content in new.items() if path in touched}}
    return _print_diff(tree_diff(old, new), outcome.removed, outcome.clusters, as_json=as_json)


def diff_from(selection: Selection, revision: str, target: str, *, as_json: bool) -> int:
    """Prints what the inputs render differently since a git revision; the work tree is not touched."""
    with tempfile.TemporaryDirectory(prefix="medpattern-") as folder:
        base = Path(folder)
        before = replace(selection, root=export_revision(selection.root, revision, base / "from"))
        after = selection
        if target:
            after = replace(selection, root=export_revision(selection.root, target, base / "to"))
        old = run(_known(before), base / "empty")
        new = run(after, base / "empty")
        for outcome in (old, new):
            if outcome.errors:
                raise InputError(outcome.findings)
        if not as_json:
            console.findings(new.findings)
        # The old tree is laid out, so that what disappears is found as in a real one.
        old.write()
        gone = run(after, base / "empty").removed
        clusters = sorted({*old.clusters, *new.clusters})
        found = tree_diff(_contents(old.files), _contents(new.files))
        return _print_diff(found, gone, clusters, as_json=as_json)


def _known(selection: Selection) -> Selection:
    """`selection` without clusters that the revision did not have yet."""
    names = set(selection.load().facts)
    return replace(selection, clusters=tuple(name for name in selection.clusters if name in names))


def stream(selection: Selection, tree: Path, *, as_json: bool) -> int:
    """Prints every object of the selected clusters, charts hydrated, as a YAML stream (or JSON lines)."""
    fleet = selection.load()
    renderer = Renderer(fleet, tree_path(selection.root, tree))
    rendered = list(renderer.clusters(selection.names(fleet)))
    console.findings(renderer.findings)
    if errors_of(renderer.findings):
        return 2
    known = {app.app.name for item in rendered for app in item.apps}
    if selection.app and selection.app not in known:
        raise UsageError(f"no application '{selection.app}' on these clusters; {did_you_mean(selection.app, known)}")
    for item in rendered:
        objects: list[dict[str, Any]] = [] if selection.app else list(item.manifests.values())
        for app in item.apps:
            if selection.app not in ("", app.app.name):
                continue
            if app.is_hydrated:
                objects += app.objects()
            else:
                why = NEEDS_HELM if app.is_copied else "not hydrated: its chart lies in another repository"
                console.say(f"{item.cluster.name}/{app.app.name}: {why}")
        for found in objects:
            console.data(json.dumps(found, ensure_ascii=False) if as_json else "---\n" + dump(found).rstrip("\n"))
    return 0


def _on_disk(tree: Path, cluster: str) -> Iterable[tuple[str, bytes]]:
    for path in sorted((tree / cluster).rglob("*")):
        if path.is_file():
            yield path.relative_to(tree).as_posix(), path.read_bytes()


def _contents(files: Mapping[str, File]) -> dict[str, bytes]:
    return {path: file.content for path, file in files.items()}


def _print_removed(removed: Iterable[Removed], words: str) -> None:
    removed = list(removed)
    if removed:
        console.data(f"{words}:")
    for item in removed:
        console.data(f"  {item}" + ("  (holds data)" if item.holds_data else ""), "red")


def _print_diff(found: list[ObjectDiff], removed: Iterable[Removed], fleet: Iterable[str], *, as_json: bool) -> int:
    fleet = list(fleet)
    if as_json:
        console.data_json({
            "removed": [_removed_json(item) for item in removed],
            "objects": [
                {"part": item.part, "object": item.label, "clusters": list(item.clusters), "diff": list(item.lines)}
                for item in found
            ],
        })  # fmt: skip
        return int(bool(found))
    _print_removed(removed, "will be deleted from the clusters")
    for item in found:
        where = cluster_ranges(item.clusters, fleet)
        many = f"same change on {where}" if len(item.clusters) > 1 else where
        console.data(f"--- {item.part}: {item.label} ({many})", "cyan")
        for line in item.lines:
            console.data(line, {"+": "green", "-": "red"}.get(line[:1], ""))
    if not found:
        console.say("no object changes")
    return int(bool(found))


def _summary(outcome: Outcome, *, would: bool = False) -> None:
    counts = outcome.plan.counts
    done = [f"{counts[action]} {word}" for action, word in _DONE_WORDS.items() if counts[action]]
    total = counts[Action.UNCHANGED] + counts[Action.CREATE] + counts[Action.UPDATE] + sum(outcome.skipped.values())
    clusters = len(outcome.clusters)
    words = f"{clusters} cluster{'' if clusters == 1 else 's'}, {total} files in {outcome.tree}"
    if not done:
        console.say(f"{words}: {NOTHING_TO_DO}")
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
