"""Options with which commands reach live clusters, and what they make of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from medpattern.cluster.connection import Connection

Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Default: KUBECONFIG, or ~/.kube/config.", show_default=False),
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="CTX", help="The kubeconfig's context, if one cluster is asked. Default: the one "
                 "with the server that the facts name, or of the cluster's name; else, for one cluster without a known "
                 "server, the current one.", show_default=False),
]  # fmt: skip
Tree = Annotated[
    Path | None,
    typer.Option("--tree", metavar="DIR", help="The rendered tree. Default: rendered/ in the repository.",
                 file_okay=False, show_default=False),
]  # fmt: skip

Open = Callable[[str, str], "Connection"]


def opener(kubeconfig: Path | None, context: str | None, clusters: Collection[str]) -> Open:
    """A function that opens a connection to one of `clusters`, given its name and its server ("" if unknown).

    Raises:
        UsageError: there is no such file, or one context cannot stand for several clusters.
    """
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.kubeconfig import context_of, read_contexts
    from medpattern.errors import UsageError

    if context and len(clusters) > 1:
        raise UsageError(
            f"--context is for one cluster, and {len(clusters)} would be asked ({', '.join(sorted(clusters)[:5])}"
            f"{', ...' if len(clusters) > 5 else ''}); choose by --cluster, or leave --context out"
        )
    known = read_contexts(kubeconfig)
    alone = len(clusters) == 1

    def connection(cluster: str, server: str) -> Connection:
        return Connection.open(kubeconfig, context or context_of(cluster, server, known, alone=alone))

    return connection
