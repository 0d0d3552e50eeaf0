"""`medpattern explain`: where a value comes from, and where a field of an object comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medpattern.cli import console
from medpattern.cli.options import AppArgument, ClusterArgument, Facts, Output, OutputOption, Root, Values

if TYPE_CHECKING:
    from medpattern.findings import KeyPath
    from medpattern.rendering.apps import RenderedApp
    from medpattern.rendering.explain import FieldExplanation, ValueExplanation
    from medpattern.rendering.reads import Read

# Of the values that one line reads, as many are printed; JSON has all.
_MOST_READS = 5


def explain(
    cluster: ClusterArgument,
    app: AppArgument,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="Dotted path of a value, as in service.image.tag; "
                    "all values without it.", show_default=False)] = "",
    object_: Annotated[str, typer.Option("--object", metavar="KIND/NAME", help="Explain an object that the "
                       "application makes instead.", show_default=False)] = "",
    field: Annotated[str, typer.Option(metavar="PATH", help="With --object: a field of it, as in spec.replicas.",
                     show_default=False)] = "",
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Print where a value of an application comes from, layer by layer, and which template lines read it.

    Examples: medpattern explain hospital-1 kafka topics.xray-images.partitions;
    medpattern explain hospital-1 kafka --object KafkaTopic/xray-images --field spec.partitions
    """
    from medpattern.errors import UsageError
    from medpattern.findings import parse_dotted
    from medpattern.rendering import explain as explaining

    if path and object_:
        raise UsageError("PATH and --object exclude each other")
    if field and not object_:
        raise UsageError("--field goes with --object KIND/NAME")
    kind, slash, name = object_.partition("/")
    if object_ and not (kind and slash and name):
        raise UsageError(f"--object takes KIND/NAME, not '{object_}'")
    try:
        value_path, field_path = parse_dotted(path), parse_dotted(field)
    except ValueError as error:
        raise UsageError(f"not a path: {error}") from error
    rendered = _application(root, values, facts, cluster, app)
    as_json = output is Output.JSON
    if object_:
        _print_fields(explaining.explain_object(rendered, kind, name, field_path), as_json=as_json)
        return
    found = explaining.explain_value(rendered, value_path) if value_path else None
    if found is None or (isinstance(found.value, dict) and found.value):
        _print_leaves(rendered, value_path, found.value if found else rendered.values.values, as_json=as_json)
    else:
        _print_value(found, as_json=as_json)


def _application(root: Path, values: str | None, facts: str | None, cluster: str, app: str) -> RenderedApp:
    from medpattern.errors import InputError, UsageError
    from medpattern.findings import did_you_mean, errors_of
    from medpattern.rendering.renderer import Renderer
    from medpattern.rendering.selection import Selection

    selection = Selection(root, values, facts, (cluster,))
    fleet = selection.load()
    selection.names(fleet)
    renderer = Renderer(fleet)
    rendered = renderer.cluster(cluster)
    found = next((item for item in rendered.apps if item.app.name == app), None)
    if found is None:
        errors = errors_of(renderer.findings)
        if errors:
            raise InputError(errors)
        names = [item.app.name for item in rendered.apps]
        raise UsageError(f"no application '{app}' on cluster '{cluster}'; {did_you_mean(app, names)}")
    return found


def _print_value(found: ValueExplanation, *, as_json: bool) -> None:
    from medpattern.findings import dotted

    if as_json:
        console.data_json({
            "path": dotted(found.path),
            "value": found.value,
            "chain": [
                {"layer": item.role, "place": str(item.place), "value": item.value} for item in found.chain
            ],
            "readBy": [str(place) for place in found.readers],
        })  # fmt: skip
        return
    console.data(f"{dotted(found.path)} = {_short(found.value)}")
    for index, item in enumerate(found.chain):
        word = "set by" if index == 0 else "over"
        console.data(f"  {word:7} {item.place}  {_short(item.value)}  ({item.role})")
    for place in found.readers:
        console.data(f"  read by {place.file}:{place.line}")
    if not found.readers:
        console.data("  read by no template line")


def _print_leaves(rendered: RenderedApp, base: KeyPath, data: Any, *, as_json: bool) -> None:
    """Every value below `base`, and the place that set it."""
    from medpattern.findings import dotted
    from medpattern.fleet.merge import lookup
    from medpattern.rendering.explain import leaf_paths

    rows = []
    for path in leaf_paths(data):
        full = (*base, *path)
        where = next(rendered.values.chain(full), None)
        value = lookup(data, path)[1]
        if where or value is not None:
            rows.append((dotted(full), value, str(where.place) if where else "", where.role if where else ""))
    if as_json:
        console.data_json([
            {"path": path, "value": value, "place": place, "layer": role} for path, value, place, role in rows
        ])  # fmt: skip
        return
    console.table(
        ("value", "", "set by", "layer"),
        [(path, _short(value), place, role) for path, value, place, role in rows],
    )


def _print_fields(found: Iterable[FieldExplanation], *, as_json: bool) -> None:
    from medpattern.findings import dotted

    if as_json:
        console.data_json([
            {
                "object": item.label,
                "field": dotted(item.field),
                "value": item.value,
                "template": str(item.place),
                "line": item.text,
                "reads": [_read_json(read) for read in item.reads],
                "conditions": [
                    {"place": str(c.place), "tag": c.tag, "reads": [_read_json(read) for read in c.reads]}
                    for c in item.conditions
                ],
            }
            for item in found
        ])  # fmt: skip
        return
    for item in found:
        console.data(f"{item.label} {dotted(item.field)} = {_short(item.value)}".replace("  ", " "))
        console.data(f"  made by {_where(item.place)}" + (f"  {item.text}" if item.text else ""))
        _print_reads(item.reads)
        for condition in item.conditions:
            console.data(f"  within  {_where(condition.place)}  {' '.join(condition.tag.split())}")
            _print_reads(condition.reads)


def _where(place: Any) -> str:
    return f"{place.file}:{place.line}" if place.line else str(place.file)


def _print_reads(reads: tuple[Read, ...]) -> None:
    from medpattern.findings import dotted

    for read in reads[:_MOST_READS]:
        word = "leaf " if read.is_leaf else "fixed"
        console.data(f"    {word} {dotted(read.path)} = {_short(read.value)}  set by {read.place}")
    if len(reads) > _MOST_READS:
        console.data(f"    ... and {len(reads) - _MOST_READS} more")


def _read_json(read: Read) -> dict[str, Any]:
    from medpattern.findings import dotted

    return {"path": dotted(read.path), "value": read.value, "place": str(read.place), "leaf": read.is_leaf}


def _short(value: Any) -> str:
    keys = isinstance(value, dict) and value
    text = "{" + ", ".join(map(str, value)) + "}" if keys else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else text[:67] + "..."
