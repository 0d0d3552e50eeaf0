"""`medpattern render`: the rendered tree, or what would change in it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Clusters, Facts, Group, Output, OutputOption, Root, Values, complete_app

if TYPE_CHECKING:
    from medpattern.rendering.selection import Selection


def render(
    cluster: Clusters = None,
    group: Group = "",
    app: Annotated[str, typer.Option(metavar="NAME", help="Only this application's files.",
                   autocompletion=complete_app, show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The rendered tree. Default: rendered/ in the "
                   "repository.", file_okay=False, show_default=False)] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 and name each file that is missing, "
                     "differs, or is no longer made by the inputs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; print what would be done.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print a unified diff per object, exit 1 if "
                    "there is one.")] = False,
    diff_from: Annotated[str, typer.Option(metavar="REV", help="As --diff, from what the inputs at a git revision "
                         "render.", show_default=False)] = "",
    diff_to: Annotated[str, typer.Option(metavar="REV", help="With --diff-from: to this revision instead of the work "
                       "tree.", show_default=False)] = "",
    stdout: Annotated[bool, typer.Option("--stdout", help="Write nothing; print root, cluster/, argocd/ and all "
                      "hydrated charts as a YAML stream; with --app only that chart's objects.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and render again what a saved file touches.")] = False,
    allow_delete: Annotated[list[str] | None, typer.Option(metavar="[CLUSTER/]KIND/NAME", help="An object that "
                            "holds data and may go; may be repeated.", show_default=False)] = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Render values files into one Helm chart per application and cluster, with Argo CD Applications.

    Nothing is written if any input has an error, and only what changed otherwise.

    Example: medpattern render --cluster hospital-1 --diff
    """
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import DEFAULT_TREE, Selection
    from medpattern.rendering.settled import settled_clusters

    modes = {"--check": check, "--dry-run": dry_run, "--diff": diff, "--diff-from": bool(diff_from),
             "--stdout": stdout, "--watch": watch}  # fmt: skip
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other")
    if diff_to and not diff_from:
        raise UsageError("--diff-to goes with --diff-from")
    selection = Selection(root, values, facts, tuple(cluster or ()), group, app)
    tree = out or root / DEFAULT_TREE
    allowed = tuple(allow_delete or ())
    as_json = output is Output.JSON
    settled = None
    if not (check or diff_from or stdout or watch):
        settled = settled_clusters(selection, tree)
        if settled.is_all and selection.is_whole and not (diff or as_json):
            count = sum(settled.files.values())
            console.say(
                f"{console.number(len(settled.files), 'cluster')}, {count} files in {tree}: {console.NOTHING_TO_DO}"
            )
            return
    from medpattern.cli import render_views as views

    if check:
        code = views.check(selection, tree, as_json=as_json)
    elif dry_run:
        code = views.dry_run(selection, tree, settled, as_json=as_json)
    elif diff:
        code = views.diff(selection, tree, settled, as_json=as_json)
    elif diff_from:
        code = views.diff_from(selection, diff_from, diff_to, as_json=as_json)
    elif stdout:
        code = views.stream(selection, tree, as_json=as_json)
    elif watch:
        code = _watch(selection, tree, allowed)
    else:
        code = views.write(selection, tree, settled, allowed, as_json=as_json)
    if code:
        raise typer.Exit(code)


def _watch(selection: Selection, tree: Path, allowed: tuple[str, ...]) -> int:
    """Renders at once and after each change of an input, until Ctrl-C."""
    from medpattern.cli import render_views as views
    from medpattern.errors import MedpatternError
    from medpattern.rendering.settled import settled_clusters
    from medpattern.rendering.watching import changes

    with contextlib.suppress(KeyboardInterrupt):
        for changed in changes(selection.root, tree, selection.facts):
            if changed:
                console.say("changed: " + ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else ""))
            try:
                views.write(selection, tree, settled_clusters(selection, tree), allowed, as_json=False)
            except MedpatternError as problem:
                console.error(problem)
    return 0
