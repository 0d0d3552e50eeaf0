"""`medpattern graph`: how the objects of a cluster hang together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Clusters, Facts, Group, Root, Values, complete_app

if TYPE_CHECKING:
    from medpattern.checks.wiring.picture import Picture
    from medpattern.rendering.selection import Selection


class Form(StrEnum):
    """How a graph is printed."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


def graph(
    cluster: Clusters = None,
    group: Group = "",
    app: Annotated[str, typer.Option(metavar="NAME", help="Only this application, and what it is linked with.",
                   autocompletion=complete_app, show_default=False)] = "",
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print; svg takes one cluster.")] = Form.TEXT,
) -> None:  # fmt: skip
    """Show how the objects of each cluster hang together: who refers to whom, and the way of an image.

    What is missing, what an unseen chart may make, and what the site brings are marked as such.

    Example: medpattern graph --cluster hospital-1 --app risk-assessment --output mermaid
    """
    from medpattern.checks.wiring import drawing
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import Selection

    pictures = _pictures(Selection(root, values, facts, tuple(cluster or ()), group, app))
    if output is Form.JSON:
        from medpattern.checks.wiring.picture import as_json

        console.data_json(as_json(pictures))
    elif output is Form.MERMAID:
        console.data(drawing.mermaid(pictures))
    elif output is Form.SVG:
        from medpattern.checks.wiring.svg import svg

        if len(pictures) != 1:
            raise UsageError("--output svg draws one cluster: name it, as in --cluster hospital-1")
        console.data(svg(pictures[0]))
    else:
        console.data("\n\n".join(drawing.text(one) for one in pictures))


def _pictures(selection: Selection) -> list[Picture]:
    """The picture of each selected cluster.

    Raises:
        UsageError: a name that does not exist.
        InputError: the repository has errors.
    """
    from medpattern.checks.wiring.graph import Graph
    from medpattern.checks.wiring.picture import picture
    from medpattern.rendering.inventories import inventories

    apps: set[str] = set()
    found: list[Picture] = []
    for rendered, known in inventories(selection):
        apps |= {item.app.name for item in rendered.apps}
        found.append(picture(Graph.of(known)))
    selection.require_app(apps)
    return [one.of_app(selection.app) for one in found] if selection.app else found
