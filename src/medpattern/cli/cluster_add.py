"""`medpattern cluster add`, `rotate` and `remove`: clusters to which the hub's Argo CD pushes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Facts, Root, Values, complete_cluster
from medpattern.cli.reach import Kubeconfig, Tree

if TYPE_CHECKING:
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.preflight import Check
    from medpattern.cluster.spokes.preflight import Both, Found
    from medpattern.cluster.spokes.tree import Spoke
    from medpattern.fleet.facts import Facts as ClusterFacts

Name = Annotated[str, typer.Argument(metavar="NAME", help="The cluster that is pushed to.",
                                     autocompletion=complete_cluster, show_default=False)]  # fmt: skip
SpokeContext = Annotated[str | None, typer.Option("--context", metavar="CTX", help="The kubeconfig's context for the "
                         "spoke. Default: the one with the server that its facts name, or of its name.",
                         show_default=False)]  # fmt: skip
HubContext = Annotated[str | None, typer.Option("--hub-context", metavar="CTX", help="The same for the hub.",
                                                show_default=False)]  # fmt: skip
Charts = Annotated[list[str] | None, typer.Option("--chart", metavar="APP=FILE", help="What 'helm template' makes of "
                   "the chart of an application that lies in another repository, so that Argo CD gets the rights for "
                   "exactly that; may be repeated.", show_default=False)]  # fmt: skip
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done, and the roles.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the clusters are changed.")]


def add(
    name: Name,
    context: SpokeContext = None,
    hub_context: HubContext = None,
    kubeconfig: Kubeconfig = None,
    charts: Charts = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    tree: Tree = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:
    """Give the hub's Argo CD a cluster to push to, with the rights that its rendered tree needs and no more.

    On the spoke an account is made that may change the kinds of the tree in its namespaces; the hub gets its token in a
    Secret, and respects its rights (resource.respectRBAC). Run it again when the tree has got new kinds or namespaces,
    and when operators have brought theirs. One with nothing to do changes nothing. The token is shown nowhere.

    Exit code 0 when done, 1 when something is in the way, 2 for wrong use, 3 when a cluster does not answer.

    Example: medpattern cluster add hospital-1 --context hospital-1-admin --hub-context hub-admin
    """
    from medpattern.cluster.spokes import joining
    from medpattern.cluster.spokes.preflight import preflight

    _agreeable(dry_run=dry_run, yes=yes)
    spoke = _spoke(name, root, values, facts, tree, charts or [])
    both = _both(spoke.facts, spoke.hub, kubeconfig, context, hub_context)
    found = preflight(spoke, both)
    _stop_at_problems(found.checks)
    if dry_run:
        _print_roles(name, found)
        lines = list(joining.preview(spoke, both, found))
        for line in lines:
            console.say(line)
        console.say(f"{console.number(len(lines), 'object')} would be applied; nothing was changed")
        return
    if not yes:
        _ask(f"Give Argo CD on '{spoke.hub.name}' the cluster '{name}' at {both.spoke.server}?")
    count = joining.add(spoke, both, found, console.say)
    console.say(f"'{name}' is as it should be: {console.number(count, 'object')} changed")


def rotate(
    name: Name,
    context: SpokeContext = None,
    hub_context: HubContext = None,
    kubeconfig: Kubeconfig = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:
    """Give the hub a new token for a cluster, and end the old one once the new one is known to work.

    Exit code 0 when done, 1 when something is in the way, 2 for wrong use, 3 when a cluster does not answer.

    Example: medpattern cluster rotate hospital-1 --context hospital-1-admin --hub-context hub-admin
    """
    from medpattern.cluster.spokes import joining
    from medpattern.cluster.spokes.preflight import HUB, SPOKE, rotation_rights, side_checks
    from medpattern.cluster.spokes.tree import Spoke, pushed_from

    known = _known(root, values, facts)
    own = _facts_of(name, known)
    hub = pushed_from(own, known)
    both = _both(own, hub, kubeconfig, context, hub_context)
    _stop_at_problems((*side_checks(SPOKE, both.spoke, own), *side_checks(HUB, both.hub, hub)))
    spoke = Spoke(own, hub)
    _stop_at_problems(rotation_rights(both, spoke.argocd_namespace))
    joining.rotate(spoke, both, console.say)
    console.say(f"the hub has a new token for '{name}'")


def remove(
    name: Name,
    hub: Annotated[str, typer.Option("--hub", metavar="NAME", help="The cluster with the Argo CD, for a spoke whose "
                   "facts are gone already. Default: as its facts say.", show_default=False)] = "",
    context: SpokeContext = None,
    hub_context: HubContext = None,
    kubeconfig: Kubeconfig = None,
    lost: Annotated[bool, typer.Option("--lost", help="The spoke is gone for good: only the hub forgets it, also if "
                    "Applications still apply to it.")] = False,
    yes: Yes = False,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:  # fmt: skip
    """Take a cluster away from the hub's Argo CD, with all that 'cluster add' has made.

    First delete clusters/NAME.yaml, render and push, so that Argo CD removes what it made there. Namespaces with
    something in them stay, and are told.

    Exit code 0 when done, 1 when something is in the way, 2 for wrong use, 3 when a cluster does not answer.

    Example: medpattern cluster remove hospital-1 --hub hub --context hospital-1-admin --hub-context hub-admin
    """
    from medpattern.cluster.spokes import registration
    from medpattern.cluster.spokes.preflight import HUB, side_checks
    from medpattern.cluster.spokes.removal import Leaving, hub_rights, removal_checks
    from medpattern.cluster.spokes.removal import remove as take_back

    known = _known(root, values, facts)
    seat = _hub_of(name, hub, known)
    to_hub = _open(kubeconfig, hub_context, seat.name, seat.server)
    _stop_at_problems(side_checks(HUB, to_hub, seat))
    _stop_at_problems(hub_rights(to_hub, seat.argocd_namespace, is_openshift=seat.is_openshift))
    live = to_hub.get("v1", "Secret", registration.secret_name(name), seat.argocd_namespace)
    own = known.get(name)
    server = registration.field(live, "server") or (own.server if own else "")
    spoke = None if lost else _open_leaving(kubeconfig, context, name, server)
    cluster_id = own.cluster_id if own else ""
    leaving = Leaving(name, seat.argocd_namespace, seat.is_openshift, to_hub, spoke, live, cluster_id)
    _stop_at_problems(removal_checks(leaving))
    if not yes:
        where = "of the hub alone" if spoke is None else f"and the account at {spoke.server}"
        _ask(f"Remove '{name}' from Argo CD on '{seat.name}', {where}?")
    count = take_back(leaving, console.say)
    console.say(f"'{name}' is not known to '{seat.name}': {console.number(count, 'object')} removed or changed")


def _agreeable(*, dry_run: bool, yes: bool) -> None:
    from medpattern.errors import UsageError

    if dry_run and yes:
        raise UsageError("--dry-run changes nothing, so there is nothing that --yes agrees to")


def _spoke(
    name: str, root: Path, values: str | None, facts: str | None, tree: Path | None, charts: Iterable[str]
) -> Spoke:
    from medpattern.cluster.spokes.tree import pushed_from, read_spoke
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import DEFAULT_TREE, Selection

    files: dict[str, Path] = {}
    for one in charts:
        app, separator, file = one.partition("=")
        if not (app and separator and file):
            raise UsageError(f"--chart {one}: give it as APP=FILE, such as strimzi=strimzi.yaml")
        files[app] = Path(file)
    known = _known(root, values, facts)
    pushed_from(_facts_of(name, known), known)  # before anything is rendered
    return read_spoke(Selection(root, values, facts, (name,)), tree or root / DEFAULT_TREE, files)


def _known(root: Path, values: str | None, facts: str | None) -> dict[str, ClusterFacts]:
    from medpattern.rendering.selection import Selection

    return dict(Selection(root, values, facts).load().facts)


def _facts_of(name: str, known: dict[str, ClusterFacts]) -> ClusterFacts:
    from medpattern.errors import UsageError
    from medpattern.findings import did_you_mean

    if name not in known:
        raise UsageError(f"no cluster '{name}'; {did_you_mean(name, known)}")
    return known[name]


def _hub_of(name: str, hub: str, known: dict[str, ClusterFacts]) -> ClusterFacts:
    from medpattern.cluster.spokes.tree import pushed_from
    from medpattern.errors import UsageError

    if hub:
        return _facts_of(hub, known)
    if name not in known:
        raise UsageError(f"there are no facts of '{name}' (any more), so name the cluster with the Argo CD by --hub")
    return pushed_from(known[name], known)


def _open(kubeconfig: Path | None, context: str | None, cluster: str, server: str) -> Connection:
    from medpattern.cli.reach import opener

    return opener(kubeconfig, context, {cluster})(cluster, server)


def _open_leaving(kubeconfig: Path | None, context: str | None, name: str, server: str) -> Connection:
    """A connection to a spoke that leaves; never one by the current context, which could be any cluster's."""
    from medpattern.cluster.kubeconfig import read_contexts
    from medpattern.errors import UsageError

    if not context and not server and name not in read_contexts(kubeconfig).servers:
        raise UsageError(
            f"neither the hub nor clusters/{name}.yaml says where '{name}' is; name its context by --context, "
            "or say --lost if it is gone for good"
        )
    return _open(kubeconfig, context, name, server)


def _both(
    spoke: ClusterFacts, hub: ClusterFacts, kubeconfig: Path | None, context: str | None, hub_context: str | None
) -> Both:
    from medpattern.cluster.spokes.preflight import Both
    from medpattern.cluster.spokes.reach import way

    to_spoke = _open(kubeconfig, context, spoke.name, spoke.server)
    to_hub = _open(kubeconfig, hub_context, hub.name, hub.server)
    return Both(to_spoke, to_hub, way(kubeconfig, to_spoke.context))


def _stop_at_problems(found: Iterable[Check]) -> None:
    from medpattern.cli import bootstrap_views
    from medpattern.cluster.preflight import problems

    checks = tuple(found)
    bootstrap_views.checks(checks)
    if problems(checks):
        console.say(f"{console.number(len(problems(checks)), 'problem')} in the way; nothing was changed")
        raise typer.Exit(1)


def _print_roles(name: str, found: Found) -> None:
    """The objects on the spoke as data, for review."""
    from medpattern.cluster.spokes.account import objects
    from medpattern.documents.writer import dump

    for thing in objects(name, found.rights, found.absent):
        console.data(f"---\n{dump(thing)}".rstrip("\n"))


def _ask(question: str) -> None:
    from medpattern.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to agree; look at it first (cluster add has --dry-run), then say --yes")
    typer.confirm(question, abort=True, err=True)
