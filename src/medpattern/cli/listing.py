"""`medpattern list`: clusters, applications, charts, layers and images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from medpattern.cli import console
from medpattern.cli.options import Clusters, Facts, Output, OutputOption, Root, Values

if TYPE_CHECKING:
    from medpattern.rendering.renderer import Renderer

listing = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List what a repository holds.")


def _renderer(
    root: Path, values: str | None, facts: str | None, clusters: list[str] | None
) -> tuple[Renderer, list[str]]:
    from medpattern.rendering.renderer import Renderer
    from medpattern.rendering.selection import Selection

    selection = Selection(root, values, facts, tuple(clusters or ()))
    fleet = selection.load()
    return Renderer(fleet), selection.names(fleet)


def _print(header: Sequence[str], rows: Iterable[Sequence[Any]], output: Output) -> None:
    rows = [[str(cell) for cell in row] for row in rows]
    if output is Output.JSON:
        console.data_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        console.table(header, rows)


def _stop_on_errors(renderer: Renderer) -> None:
    from medpattern.errors import InputError
    from medpattern.findings import errors_of

    errors = errors_of(renderer.findings)
    if errors:
        raise InputError(errors)


@listing.command("clusters")
def list_clusters(
    root: Root = Path(), values: Values = None, facts: Facts = None, output: OutputOption = Output.TEXT
) -> None:
    """The clusters and their facts.

    Example: medpattern list clusters --output json
    """
    renderer, names = _renderer(root, values, facts, None)
    _stop_on_errors(renderer)
    known = renderer.fleet.facts
    header = ("cluster", "group", "distribution", "platform", "version", "hub", "model", "ring")
    rows = [
        (f.name, f.group, f.distribution, f.platform or "-", f.version or "-", f.hub, f.argocd_model,
         "-" if f.ring is None else f.ring)
        for f in (known[name] for name in names)
    ]  # fmt: skip
    _print(header, rows, output)


@listing.command("apps")
def list_apps(
    cluster: Clusters = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The applications of each cluster in the order in which they are first installed.

    Example: medpattern list apps --cluster hospital-1
    """
    from medpattern.argocd.applications import remote_url
    from medpattern.argocd.waves import sync_waves

    renderer, names = _renderer(root, values, facts, cluster)
    rows: list[Sequence[Any]] = []
    for name in names:
        found = renderer.fleet.cluster(name)
        waves = sync_waves(found.applications)
        for app in sorted(found.applications, key=lambda item: (waves.get(item.name, 999), item.name)):
            origin = f"{remote_url(found, app)} {app.chart or app.path}" if app.is_remote else app.path
            version = app.chart_version or app.target_revision or "-"
            wave = "disabled" if app.disabled else waves.get(app.name, 0)
            rows.append((name, wave, app.name, app.namespace, app.project, origin, version))
    _stop_on_errors(renderer)
    _print(("cluster", "wave", "app", "namespace", "project", "chart", "version"), rows, output)


@listing.command("charts")
def list_charts(
    root: Root = Path(), values: Values = None, facts: Facts = None, output: OutputOption = Output.TEXT
) -> None:
    """The charts of the repository and those that ship with medpattern.

    Example: medpattern list charts
    """
    renderer, _ = _renderer(root, values, facts, None)
    rows = []
    for path in renderer.catalog.names():
        source = renderer.catalog.get(path)
        if source is not None:
            kind = "chart source" if source.is_source else "Helm chart"
            where = "repository" if (root / path).is_dir() else "medpattern"
            rows.append(
                (
                    path,
                    source.metadata.get("version", ""),
                    kind,
                    where,
                    source.metadata.get("description", ""),
                )
            )
    _print(("chart", "version", "form", "from", "description"), rows, output)


@listing.command("layers")
def list_layers(
    cluster: Clusters = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The values files that each cluster is laid together from, low to high.

    Example: medpattern list layers --cluster hospital-1
    """
    renderer, names = _renderer(root, values, facts, cluster)
    rows = [(name, layer.role, layer.document.file) for name in names for layer in renderer.fleet.cluster(name).layers]
    _stop_on_errors(renderer)
    _print(("cluster", "layer", "file"), rows, output)


@listing.command("images")
def list_images(
    cluster: Clusters = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """What a disconnected cluster has to mirror: images, charts, git repositories and catalogs.

    Names stand as the cluster will ask for them, global.mirrors applied.

    Example: medpattern list images --cluster hospital-1
    """
    from medpattern.charts.helm import NEEDS_HELM
    from medpattern.rendering.references import references

    renderer, names = _renderer(root, values, facts, cluster)
    rendered = list(renderer.clusters(names))
    _stop_on_errors(renderer)
    rows = [(item.cluster.name, *reference) for item in rendered for reference in references(item)]
    for item in rendered:
        for app in item.apps:
            if not app.is_hydrated:
                why = NEEDS_HELM if app.is_copied else "images of a remote chart are not known here"
                console.say(f"{item.cluster.name}/{app.app.name}: {why}")
    _print(("cluster", "kind", "reference", "app"), rows, output)
