"""Options that several commands share, and the completion of cluster and application names."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


def complete_cluster(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of clusters that begin with what has been typed."""
    from medpattern.errors import MedpatternError
    from medpattern.fleet.places import facts_files, find_values

    root = Path(ctx.params.get("root") or ".")
    try:
        folder = find_values(root, ctx.params.get("values"))
    except MedpatternError:
        return []
    names = facts_files(root, ctx.params.get("facts") or f"{folder}/clusters")
    return [name for name in names if name.startswith(incomplete)]


def complete_app(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of applications of the cluster that stands before, or of any."""
    from medpattern.errors import MedpatternError
    from medpattern.fleet.fleet import load_fleet

    try:
        fleet = load_fleet(Path(ctx.params.get("root") or "."), ctx.params.get("values"), ctx.params.get("facts"))
        chosen = ctx.params.get("cluster") or list(fleet.facts)
        names = [chosen] if isinstance(chosen, str) else list(chosen)
        found = {app.name for name in names for app in fleet.cluster(name).applications}
    except MedpatternError:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


Root = Annotated[Path, typer.Option("--root", help="The values repository.", show_default=True, file_okay=False)]
Values = Annotated[
    str | None,
    typer.Option("--values", metavar="DIR", help="Folder of the values files, relative to the repository. "
                 "Default: values/ if it holds values-global.yaml, else the repository itself.", show_default=False),
]  # fmt: skip
Facts = Annotated[
    str | None,
    typer.Option("--clusters", metavar="DIR", help="Folder of the clusters' facts; may lie outside. "
                 "Default: clusters/ beside the values files.", show_default=False),
]  # fmt: skip
Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="NAME", help="Only this cluster; may be repeated.",
                 autocompletion=complete_cluster, show_default=False),
]  # fmt: skip
Group = Annotated[
    str, typer.Option("--group", metavar="NAME", help="Only the clusters of this group.", show_default=False)
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
ClusterArgument = Annotated[str, typer.Argument(metavar="CLUSTER", autocompletion=complete_cluster)]
AppArgument = Annotated[str, typer.Argument(metavar="APP", autocompletion=complete_app)]
