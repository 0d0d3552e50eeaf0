"""`medpattern bootstrap`: from an empty cluster to Argo CD in charge."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Facts, Root, Values, complete_cluster
from medpattern.cli.reach import Kubeconfig, Tree
from medpattern.cli.secrets_options import Identities
from medpattern.cluster.bootstrap.until import Until

if TYPE_CHECKING:
    from medpattern.cluster.bootstrap.intent import Wanted
    from medpattern.cluster.bootstrap.preflight import Preflight
    from medpattern.cluster.connection import Connection

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
# Checks that may not be passed over by --accept.
_FINAL = "server, identity, permissions, argocd"


def seconds(text: str) -> float:
    """A span of time: "90", "90s", "30m", "2h".

    Raises:
        UsageError: it is none.
    """
    from medpattern.errors import UsageError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise UsageError(f"--timeout {text}: give a number with s, m or h, as 90s or 30m")
    return float(found[1]) * _UNITS[found[2]]


def bootstrap(
    cluster: Annotated[str, typer.Option(metavar="NAME", help="The cluster: one with an Argo CD of its own.",
                       autocompletion=complete_cluster)],
    context: Annotated[str | None, typer.Option("--context", metavar="CTX", help="The kubeconfig's context. Default: "
                       "the one with the server that the facts name, or of the cluster's name.",
                       show_default=False)] = None,
    kubeconfig: Kubeconfig = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what the API server would make of "
                       "each object.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for Argo CD to bring the cluster to what git says.")] = True,
    until: Annotated[Until, typer.Option(help="How far to wait.")] = Until.HEALTHY,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="The longest wait, as 90s, 30m or 2h: for "
                       "OpenShift's operator of Argo CD, and then for the Applications.")] = "30m",
    argocd_manifest: Annotated[str, typer.Option(metavar="FILE|URL", help="Upstream's installation manifest of Argo "
                               "CD, on Kubernetes. Default: medpattern.argocd.manifest in the values.",
                               show_default=False)] = "",
    upgrade_argocd: Annotated[bool, typer.Option("--upgrade-argocd", help="Turn the Argo CD that bootstrap has "
                              "installed into that of the manifest, or make it whole again.")] = False,
    secrets: Annotated[Path | None, typer.Option("--secrets", metavar="FILE", help="A secrets file, for the Secrets "
                       "that have to be there first, such as Argo CD's login to the repository.", dir_okay=False,
                       show_default=False)] = None,
    identities: Identities = None,
    accept: Annotated[list[str] | None, typer.Option("--accept", metavar="CHECK", help="Go on in spite of the "
                      f"problems of this check; may be repeated. Not: {_FINAL}.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the cluster is changed.")] = False,
    tree: Tree = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:  # fmt: skip
    """Install Argo CD on a cluster, hand the cluster over to it, and wait until it is as git says.

    First everything is looked at, and all that is in the way is told with its cure; nothing is changed until nothing
    is. A run that was stopped is finished by the next one; one with nothing to do changes nothing. From then on
    'git push' changes the cluster.

    Exit code 0 when done, 1 when something is in the way, 2 for wrong use, 3 when the cluster does not answer or does
    not get there in time.

    Example: medpattern bootstrap --cluster hospital-2 --context hospital-2-admin
    """
    from medpattern.cli import bootstrap_views as views
    from medpattern.cluster.bootstrap.preflight import preflight
    from medpattern.cluster.preflight import accepted, problems
    from medpattern.errors import UsageError

    longest = seconds(timeout)
    if dry_run and yes:
        raise UsageError("--dry-run changes nothing, so there is nothing that --yes agrees to")
    names = _accepted_names(accept or [])
    wanted = _wanted(cluster, root, values, facts, tree, argocd_manifest, secrets, identities or [])
    wanted = replace(wanted, upgrades=upgrade_argocd)
    connection = _connection(wanted, kubeconfig, context)
    found = preflight(wanted, connection)
    checks = accepted(found.checks, names)
    views.checks(checks)
    if problems(checks):
        console.say(f"{console.number(len(problems(checks)), 'problem')} in the way; nothing was changed")
        raise typer.Exit(1)
    if dry_run:
        views.dry_run(wanted, connection, found)
        return
    if not yes:
        _ask(wanted, connection)
    _carry_out(wanted, connection, found, longest)
    if wait:
        _wait(wanted, connection, found, until, longest, tree or root / "rendered")


def _accepted_names(names: list[str]) -> frozenset[str]:
    from medpattern.cluster.preflight import FINAL, NAMES
    from medpattern.errors import UsageError
    from medpattern.findings import did_you_mean

    for name in names:
        if name in FINAL:
            raise UsageError(f"--accept {name}: going on would change the wrong cluster or fail half-way; mend it")
        if name not in NAMES:
            raise UsageError(f"--accept {name}: there is no such check; {did_you_mean(name, NAMES)}")
    return frozenset(names)


def _wanted(
    cluster: str, root: Path, values: str | None, facts: str | None, tree: Path | None, manifest: str,
    secrets: Path | None, identities: list[Path],
) -> Wanted:  # fmt: skip
    from medpattern.cluster.bootstrap.intent import read_wanted, with_manifest, with_secrets
    from medpattern.rendering.selection import DEFAULT_TREE, Selection

    selection = Selection(root, values, facts, (cluster,))
    wanted = read_wanted(selection, tree or root / DEFAULT_TREE)
    if manifest:
        wanted = with_manifest(wanted, manifest)
    return with_secrets(wanted, secrets, identities) if secrets else wanted


def _connection(wanted: Wanted, kubeconfig: Path | None, context: str | None) -> Connection:
    from medpattern.cli.reach import opener

    return opener(kubeconfig, context, {wanted.facts.name})(wanted.facts.name, wanted.facts.server)


def _ask(wanted: Wanted, connection: Connection) -> None:
    from medpattern.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to agree; look at --dry-run, then say --yes")
    typer.confirm(f"Hand '{wanted.facts.name}' at {connection.server} over to Argo CD?", abort=True, err=True)


def _carry_out(wanted: Wanted, connection: Connection, found: Preflight, longest: float) -> None:
    from medpattern.cli.bootstrap_views import applied, awaited
    from medpattern.cluster.bootstrap.steps import Applied, Done, Patience, carry_out

    done: list[Applied] = []

    def tell(one: Applied) -> None:
        done.append(one)
        applied(one)

    carry_out(wanted, connection, found.installation, tell, Patience(longest, awaited))
    changed = [one for one in done if one.done is not Done.UNCHANGED]
    if not changed:
        console.say(f"nothing to do: all {len(done)} objects of the handover are there as they should be")
    else:
        removed = sum(one.done is Done.REMOVED for one in changed)
        also = f", {removed} removed" if removed else ""
        kept = len(done) - len(changed)
        console.say(f"{console.number(len(changed) - removed, 'object')} applied{also}, {kept} unchanged")


def _wait(
    wanted: Wanted, connection: Connection, found: Preflight, until: Until, longest: float, tree: Path
) -> None:  # fmt: skip
    from medpattern.cli import bootstrap_views as views
    from medpattern.cluster.bootstrap.waiting import Wish, wait
    from medpattern.cluster.seats import Seat
    from medpattern.cluster.status.expected import expected_applications

    name = wanted.facts.name
    seat = Seat(name, wanted.facts.server, wanted.namespace, (name,))
    expected = expected_applications(tree, name, wanted.clusters)
    wish = Wish(seat, expected, found.remote.commit, until, longest)
    with views.progress() as show:
        ended = wait(connection, wish, show)
    if ended.is_done:
        console.say(f"all {len(expected)} Applications of '{name}' are {until.value.capitalize()}")
        return
    views.held_up(ended, longest)
    raise typer.Exit(3)
