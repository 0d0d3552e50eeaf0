"""`medpattern doctor`: what is wrong in a live cluster, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Facts, Output, OutputOption, Root, Values, complete_cluster
from medpattern.cli.reach import Context, Kubeconfig

if TYPE_CHECKING:
    from medpattern.cluster.doctor.examination import Examination
    from medpattern.cluster.doctor.snapshot import Snapshot
    from medpattern.rendering.selection import Selection


def doctor(
    cluster: Annotated[str, typer.Option(metavar="NAME", help="The cluster of the repository; its Applications are "
                       "read where its Argo CD is. Default: whatever cluster the kubeconfig's context leads to.",
                       autocompletion=complete_cluster, show_default=False)] = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="Also write a support archive "
                      "(.tar.gz): objects, events and status without secrets and identities.",
                      show_default=False)] = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Look for what is wrong in a live cluster, and say by what cause and what to do about it.

    Nothing is changed; each kind is listed once, of Secrets the names alone. Causes stand before their effects. Each
    finding's code is described in docs/doctor.md. Exit code 0 if nothing was found, 1 if something was, 3 if the
    cluster does not answer.

    Example: medpattern doctor --cluster hospital-1 --bundle hospital-1.tar.gz
    """
    from medpattern.cluster.doctor.archive import archive, check_place, write
    from medpattern.cluster.doctor.examination import examine
    from medpattern.rendering.selection import Selection

    if bundle:
        check_place(bundle)
    selection = Selection(root, values, facts, (cluster,) if cluster else ())
    seen = _snapshot(selection, cluster, kubeconfig, context, events=bundle is not None)
    found = examine(seen)
    if output is Output.JSON:
        console.data_json(_data(seen, found))
    else:
        for one in found.troubles:
            console.data(str(one))
    _tell(seen, found)
    if bundle:
        write(bundle, archive(seen, found))
        console.say(f"{bundle}: a support archive without secrets and identities; look through it before you send it")
    if found.troubles:
        raise typer.Exit(1)


def _snapshot(
    selection: Selection, cluster: str, kubeconfig: Path | None, context: str | None, *, events: bool
) -> Snapshot:
    from medpattern.cli.reach import opener
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.doctor.reading import Delivered, snapshot
    from medpattern.cluster.preflight import Verdict, identity
    from medpattern.cluster.seats import seats

    if not cluster:
        return snapshot(Connection.open(kubeconfig, context), events=events)
    fleet = selection.load()
    selection.names(fleet)  # says which there are, if there is none of that name
    seat = next(one for one in seats(fleet.facts, fleet.facts) if cluster in one.clusters)
    connect = opener(kubeconfig, context, {cluster, seat.cluster})
    connection = connect(cluster, fleet.facts[cluster].server)
    for one in identity(connection, fleet.facts[cluster]):
        if one.verdict is Verdict.PROBLEM:
            console.say(f"warning: {one.message}; {one.cure}")
    there = connection if seat.cluster == cluster else connect(seat.cluster, seat.server)
    delivered = Delivered(there, seat.namespace, cluster, is_alone=len(seat.clusters) == 1)
    return snapshot(connection, delivered, events=events)


def _tell(seen: Snapshot, found: Examination) -> None:
    from medpattern.cluster.doctor.archive import written

    if seen.absent:
        kinds = ", ".join(map(written, sorted(seen.absent)))
        console.say(f"not looked at, since the cluster does not have them: {kinds}")
    if seen.refused:
        kinds = ", ".join(map(written, sorted(seen.refused)))
        console.say(f"not looked at, since the login may not list them: {kinds}")
    count = console.number(len(found.troubles), "finding")
    console.say(f"{count if found.troubles else 'nothing found'} by {console.number(found.looked, 'check')}")


def _data(seen: Snapshot, found: Examination) -> dict[str, object]:
    from medpattern.cluster.doctor.archive import written

    return {
        "cluster": seen.cluster,
        "server": seen.server,
        "findings": [one.as_json() for one in found.troubles],
        "notLookedAt": {
            "absent": [written(kind) for kind in sorted(seen.absent)],
            "refused": {written(kind): said for kind, said in sorted(seen.refused.items())},
            "checks": [one.code for one in found.unlooked],
        },
    }
