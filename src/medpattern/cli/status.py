"""`medpattern status`: how the fleet's Applications are, by the Kubernetes API alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli.options import Facts, Group, Output, OutputOption, Root, Values, complete_cluster
from medpattern.cli.reach import Context, Kubeconfig, Tree

if TYPE_CHECKING:
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.seats import Seat
    from medpattern.cluster.status.statuses import ClusterStatus
    from medpattern.rendering.selection import Selection


def status(
    cluster: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this cluster, with each of its "
                       "Applications; may be repeated.", autocompletion=complete_cluster, show_default=False)] = None,
    group: Group = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, ask again and show what has changed, until "
                     "Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.2, help="With --watch: between two "
                        "questions.")] = 5.0,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    tree: Tree = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Show how the clusters are: revision, sync, health, drift, last sync, and which wave waits for what.

    Each Argo CD is asked once, for its Applications, by the Kubernetes API; there is no login to Argo CD. What the
    rendered tree has and the cluster has not is missing; what neither has made is foreign. Exit code 1 unless all
    is Synced and Healthy, 3 where a cluster does not answer. One that a hub pushes to is asked whether it answers, if
    a context leads to it.

    Example: medpattern status --cluster hospital-1
    """
    from medpattern.cli import status_views as views
    from medpattern.rendering.selection import DEFAULT_TREE, Selection

    selection = Selection(root, values, facts, tuple(cluster or ()), group)
    ask = _question(selection, tree or root / DEFAULT_TREE, kubeconfig, context)
    detailed = bool(cluster)
    if watch:
        views.watch(ask, interval, detailed=detailed, as_json=output is Output.JSON)
        return
    found = ask()
    if output is Output.JSON:
        views.as_json(found)
    else:
        views.show(found, detailed=detailed)
    if code := views.exit_code(found):
        raise typer.Exit(code)


def _question(
    selection: Selection, tree: Path, kubeconfig: Path | None, context: str | None
) -> Callable[[], tuple[ClusterStatus, ...]]:
    """What asks the clusters that are meant, as often as it is called."""
    from medpattern.cli.reach import opener
    from medpattern.cluster.seats import seats
    from medpattern.cluster.status.asking import fleet_status
    from medpattern.cluster.status.expected import expected_applications, expected_of_others

    fleet = selection.load()
    names = selection.names(fleet)
    asked = seats(fleet.facts, names)
    connect = opener(kubeconfig, context, {seat.cluster for seat in asked})
    connect_spoke = opener(kubeconfig, None, ())  # none is the only one: the current context may lead to the hub
    opened: dict[Seat, Connection] = {}
    spokes: dict[str, Connection] = {}
    every = set(fleet.facts)

    def reach(seat: Seat) -> Connection:
        if seat not in opened:
            opened[seat] = connect(seat.cluster, seat.server)
        return opened[seat]

    def reach_spoke(name: str) -> Connection | None:
        if context:  # it leads to the Argo CD
            return None
        if name not in spokes:
            spokes[name] = connect_spoke(name, fleet.facts[name].server)
        return spokes[name]

    if len(asked) == 1:
        reach(asked[0])  # of many, one that no context leads to is a line of the table

    def ask() -> tuple[ClusterStatus, ...]:
        expected = {name: expected_applications(tree, name, every) for name in names}
        others = expected_of_others(tree, {name for seat in asked for name in seat.others}, every)
        return fleet_status(asked, {**others, **expected}, reach, reach_spoke)

    return ask
