"""`medpattern cluster inspect`: the facts of a live cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Output, OutputOption
from medpattern.cli.reach import Kubeconfig


def inspect(
    context: Annotated[str | None, typer.Option("--context", metavar="CTX", help="The kubeconfig's context. Default: "
                       "the current one.", show_default=False)] = None,
    kubeconfig: Kubeconfig = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call the cluster. Default: as OpenShift's "
                    "infrastructure or the context is called.", show_default=False)] = "",
    group: Annotated[str, typer.Option(metavar="NAME", help="The group it is to belong to.", show_default=False)] = "",
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Print clusters/<name>.yaml of a live cluster: distribution, platform, version, domain, server and id.

    What its API does not tell stands below as comments. Nothing is changed; a login that may only read will do.

    Example: medpattern cluster inspect --context hospital-1 --group hospital > values/clusters/hospital-1.yaml
    """
    from dataclasses import replace

    from medpattern.cluster.connection import Connection
    from medpattern.cluster.inspection import inspection, see, text
    from medpattern.errors import UsageError
    from medpattern.fleet.names import label_problem

    if name and (problem := label_problem(name)):
        raise UsageError(f"--name: {problem}")
    found = inspection(see(Connection.open(kubeconfig, context)), group)
    if name:
        found = replace(found, name=name)
    if output is Output.JSON:
        console.data_json({"name": found.name, "facts": found.facts, "remarks": list(found.remarks)})
    else:
        console.data(text(found).rstrip("\n"))
    console.say(f"for the file clusters/{found.name}.yaml")
