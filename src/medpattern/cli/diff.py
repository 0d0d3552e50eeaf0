"""`medpattern diff`: what would change, in the rendered tree or on the live clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medpattern.cli.options import Clusters, Facts, Group, Output, OutputOption, Root, Values, complete_app
from medpattern.cli.reach import Context, Kubeconfig, Tree


def diff(
    cluster: Clusters = None,
    group: Group = "",
    app: Annotated[str, typer.Option(metavar="NAME", help="Only this application's objects.",
                   autocompletion=complete_app, show_default=False)] = "",
    live: Annotated[bool, typer.Option("--live", help="From the live clusters to what the inputs render, instead of "
                    "from the rendered tree.")] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    tree: Tree = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Show what the inputs would change, object by object; nothing is written. Exit code 1 if anything would change.

    With --live the rendered objects are applied by the API server as a dry run, the way Argo CD applies them, so that
    defaults and webhooks do not show as drift. ignoreDifferences count, the values of Secrets are hidden, and what
    would be pruned is named. It needs the rights to list and to patch what the charts make. Exit code 3 where a
    cluster does not answer or refuses.

    Example: medpattern diff --live --cluster hospital-1 --app kafka
    """
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import DEFAULT_TREE, Selection

    selection = Selection(root, values, facts, tuple(cluster or ()), group, app)
    as_json = output is Output.JSON
    folder = tree or root / DEFAULT_TREE
    if live:
        from medpattern.cli import diff_views

        code = diff_views.live(selection, folder, kubeconfig, context, as_json=as_json)
    elif context or kubeconfig:
        raise UsageError("--context and --kubeconfig go with --live")
    else:
        from medpattern.cli import render_views
        from medpattern.rendering.settled import settled_clusters

        code = render_views.diff(selection, folder, settled_clusters(selection, folder), as_json=as_json)
    if code:
        raise typer.Exit(code)
