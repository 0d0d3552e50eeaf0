"""`medpattern uninstall`: everything of ours off a cluster, in the reverse order of its making."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.bootstrap import seconds
from medpattern.cli.options import Facts, Output, OutputOption, Root, Values, complete_cluster
from medpattern.cli.reach import Context, Kubeconfig, Tree

if TYPE_CHECKING:
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.permissions import Right
    from medpattern.cluster.uninstall.held import Held
    from medpattern.cluster.uninstall.looking import Place
    from medpattern.cluster.uninstall.plan import Plan
    from medpattern.fleet.facts import Facts as ClusterFacts


def uninstall(
    cluster: Annotated[str, typer.Option(metavar="NAME", help="The cluster: one with an Argo CD of its own.",
                       autocompletion=complete_cluster)],
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Leave what holds data (Kafka, topics, claims, "
                         "buckets, databases), with its namespaces, operators and Secrets.")] = False,
    engine: Annotated[bool, typer.Option("--engine", help="Remove Argo CD too, with its kinds, if bootstrap has "
                      "installed it from a manifest and nobody else uses it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would go, and what "
                       "stays.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the cluster's name before anything is "
                   "deleted.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long it may take, as 90s, 30m or 2h.")] = "30m",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    tree: Tree = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:  # fmt: skip
    """Take everything off a cluster that medpattern and its Argo CD have put there.

    First it prints what goes, in which order, which data are lost and what stays, and asks for the cluster's name. Then
    the root is stopped, the Applications go with what they made, the latest wave first, and after them projects,
    operators, namespaces, Secrets and settings. What others have made stays, and so does a namespace that holds it.
    A run that was stopped is finished by the next one.

    Exit code 0 when all is gone, 1 when it may be another cluster or the login lacks rights (all are named, nothing is
    changed), 2 for wrong use, 3 when the cluster does not answer or something is left after the time; what holds it is
    named.

    Example: medpattern uninstall --cluster hospital-2 --keep-data --dry-run
    """
    from medpattern.cluster.uninstall import plan as planning
    from medpattern.cluster.uninstall import rights
    from medpattern.cluster.uninstall.looking import look
    from medpattern.errors import UsageError

    longest = seconds(timeout)
    if dry_run and yes:
        raise UsageError("--dry-run changes nothing, so there is nothing that --yes agrees to")
    if output is Output.JSON and not dry_run:
        raise UsageError("--output json prints the plan, and nothing else does: say --dry-run too")
    place, connection = _reach(cluster, root, values, facts, tree, kubeconfig, context)
    plan = planning.plan(look(connection, place), keep_data=keep_data, engine=engine)
    if dry_run:
        _print(plan, output)
    _require(connection, rights.to_carry_out(connection, plan))
    if dry_run:
        return
    if not plan.steps:
        console.say(f"nothing of '{cluster}' is on {connection.server}")
        return
    _show(plan, console.say)
    if not yes:
        _ask(cluster, connection)
    _carry_out(connection, plan, place, longest)


def _reach(
    cluster: str, root: Path, values: str | None, facts: str | None, tree: Path | None, kubeconfig: Path | None,
    context: str | None,
) -> tuple[Place, Connection]:  # fmt: skip
    """Where to look, and a connection to the cluster that the facts name and no other."""
    from medpattern.cli.reach import opener
    from medpattern.cluster.uninstall.looking import Place
    from medpattern.cluster.uninstall.rights import to_look, to_look_inside
    from medpattern.rendering.selection import DEFAULT_TREE, Selection

    selection = Selection(root, values, facts, (cluster,))
    fleet = selection.load()
    selection.names(fleet)
    own = fleet.facts[cluster]
    _require_own_argocd(own)
    connection = opener(kubeconfig, context, {cluster})(cluster, own.server)
    _require_identity(connection, own)
    folder = (tree or root / DEFAULT_TREE) / cluster
    spaces, applications = _names(folder / "cluster", "namespace"), _names(folder / "argocd", "application")
    place = Place(cluster, own.argocd_namespace, spaces, applications)
    _require(connection, to_look(connection, place))
    _require(connection, to_look_inside(connection, place))
    _require_no_spokes(connection, place, [one.name for one in fleet.facts.values() if one.is_pushed])
    return place, connection


def _require_own_argocd(own: ClusterFacts) -> None:
    from medpattern.errors import UsageError

    if own.is_pushed:
        raise UsageError(
            f"'{own.name}' has no Argo CD of its own: that of '{own.hub}' applies it, and deletes it when git says so; "
            f"delete clusters/{own.name}.yaml, then: medpattern render, commit, push"
        )


def _require_identity(connection: Connection, own: ClusterFacts) -> None:
    from medpattern.cli.bootstrap_views import checks
    from medpattern.cluster.preflight import identity, problems

    found = tuple(identity(connection, own))
    if problems(found):
        checks(found)
        console.say("it may be another cluster; nothing was changed")
        raise typer.Exit(1)


def _require(connection: Connection, needed: set[Right]) -> None:
    """Ends the run where the login lacks rights, all of which are named."""
    from medpattern.cli.bootstrap_views import checks
    from medpattern.cluster.permissions import lacking

    found = tuple(lacking(connection, needed, "permissions"))
    if found:
        checks(found)
        console.say(f"{console.number(len(found), 'right')} missing; nothing was changed")
        raise typer.Exit(1)


def _require_no_spokes(connection: Connection, place: Place, pushed: list[str]) -> None:
    """Refuses while the Argo CD applies other clusters, or has logins to them, which stay good there without it."""
    from medpattern.cluster.uninstall.looking import spokes
    from medpattern.errors import UsageError

    live = _applications(connection, place)
    served = sorted(name for name in pushed if f"{name}-root" in live)
    if served:
        raise UsageError(
            f"the Argo CD of '{place.cluster}' applies {', '.join(served)} too, and nobody would after it; first "
            "delete their files in clusters/, render, commit, push, and wait until their roots are gone"
        )
    added = spokes(connection, place.argocd)
    if added:
        raise UsageError(
            f"the Argo CD of '{place.cluster}' has logins to {', '.join(added)}, which stay good without it; first, "
            f"for each: medpattern cluster remove NAME --hub {place.cluster}, with --lost if it is gone for good"
        )


def _applications(connection: Connection, place: Place) -> set[str]:
    from medpattern.argocd.names import API_VERSION
    from medpattern.cluster.resources import UnknownKindError

    try:
        return {one["metadata"]["name"] for one in connection.list(API_VERSION, "Application", place.argocd)}
    except UnknownKindError:
        return set()


def _names(folder: Path, kind: str) -> frozenset[str]:
    """The names of the objects of a kind that a folder of the rendered tree has; none without a tree."""
    from medpattern.documents.reader import parse_file
    from medpattern.fleet.merge import lookup

    files = sorted(folder.glob(f"{kind}-*.yaml"))
    names = (lookup(parse_file(file.name, file.read_bytes()).data, ("metadata", "name"))[1] for file in files)
    return frozenset(str(name) for name in names if name)


def _ask(cluster: str, connection: Connection) -> None:
    from medpattern.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to agree; look at --dry-run, then say --yes")
    told = typer.prompt(f"Type the name of the cluster to delete this at {connection.server}", err=True)
    if told.strip() != cluster:
        raise UsageError(f"that is not '{cluster}'; nothing was changed")


def _carry_out(connection: Connection, plan: Plan, place: Place, longest: float) -> None:
    from medpattern.cluster.uninstall.held import held
    from medpattern.cluster.uninstall.running import carry_out

    ended = carry_out(connection, plan, place.argocd, longest, console.say)
    if ended.left:
        _left(held(connection, ended.left), longest)
        raise typer.Exit(3)
    kept = f"; {console.number(len(ended.stays), 'object')} of the plan stayed" if ended.stays else ""
    console.say(f"'{place.cluster}' is uninstalled{kept}")


def _left(found: tuple[Held, ...], longest: float) -> None:
    console.say(f"not gone after {longest:g} s:")
    for one in found:
        console.say(f"  {one.thing}: {one.why}")
        if one.cure:
            console.say(f"    -> {one.cure}")
    console.say("the same command goes on from here")


def _print(plan: Plan, output: Output) -> None:
    if output is Output.TEXT:
        _show(plan, console.data)
        return
    console.data_json(
        {
            "steps": [
                {"stage": one.stage.name.lower().replace("_", "-"), "wave": one.wave, "does": one.verb.value,
                 "object": str(one.thing)}
                for one in plan.steps
            ],
            "data": [str(one) for one in plan.data],
            "stays": [{"object": one.thing, "why": one.why} for one in plan.stays],
        }
    )  # fmt: skip


def _show(plan: Plan, write: Callable[[str], None]) -> None:
    write("goes, in this order:" if plan.steps else "nothing goes")
    for number, group in enumerate(plan.groups(), 1):
        for step in group:
            write(f"  {number}. {step}")
    if plan.data:
        write("data that are lost:")
        for ref in plan.data:
            write(f"  {ref}")
    write("stays:")
    for one in plan.stays:
        write(f"  {one.thing}: {one.why}")
