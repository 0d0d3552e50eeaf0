"""Why a value is what it is, and where a field of a rendered object comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.charts.generator import Structure
from medpattern.charts.language import conditions_around
from medpattern.charts.skeleton import SkeletonObject
from medpattern.charts.source import ChartSource
from medpattern.errors import UsageError
from medpattern.findings import KeyPath, Place, did_you_mean, dotted
from medpattern.fleet.layers import Occurrence
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.reads import Read, StructuralReads, leaf_reads


@dataclass(frozen=True)
class ValueExplanation:
    """The value at `path`, everything that sets it (winner first), and the template lines that read it."""

    path: KeyPath
    value: Any
    chain: tuple[Occurrence, ...]
    readers: tuple[Place, ...]


@dataclass(frozen=True)
class Condition:
    """An `if` or `for` around a template line, with the values it depends on."""

    place: Place
    tag: str
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class FieldExplanation:
    """The template line that makes an object, or one field of it."""

    label: str
    field: KeyPath
    value: Any
    place: Place
    text: str
    reads: tuple[Read, ...]
    conditions: tuple[Condition, ...]


def explain_value(rendered: RenderedApp, path: KeyPath) -> ValueExplanation:
    """Explains the value at `path` of an application.

    Raises:
        UsageError: nothing sets it.
    """
    values = rendered.values
    chain = tuple(values.chain(path))
    found, value = lookup(values.values, path)
    if not chain and (not found or value is None) and path:
        parent = lookup(values.values, path[:-1])[1]
        near = did_you_mean(str(path[-1]), map(str, parent)) if isinstance(parent, dict) else ""
        raise UsageError(f"nothing sets {dotted(path)} of '{rendered.app.name}'; {near}".rstrip("; "))
    return ValueExplanation(path, value, chain, tuple(sorted(set(_readers(rendered, path)))))


def leaf_paths(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every scalar, list and empty map in `data`."""
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from leaf_paths(item, (*path, key))
    elif path:
        yield path


def _readers(rendered: RenderedApp, path: KeyPath) -> Iterator[Place]:
    """Template lines that read `path` itself, a part of it, or a whole that holds it."""
    source = rendered.source
    if source is None:
        return
    if rendered.chart is not None:
        for read, sites in rendered.chart.structure.sites.items():
            if read[: len(path)] == path or path[: len(read)] == read:
                yield from (Place(f"{source.shown}/templates/{name}", line, 1) for name, line in sites)
        return
    words = re.compile(r"\.Values\." + r"\.".join(re.escape(str(key)) for key in path) + r"\b")
    for name, content in source.files.items():
        if "templates/" in name:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
                if words.search(line):
                    yield Place(f"{source.shown}/{name}", number, 1)


def explain_object(rendered: RenderedApp, kind: str, name: str, field: KeyPath) -> list[FieldExplanation]:
    """Explains the objects `kind`/`name` of an application, or the field `field` in them.

    Raises:
        UsageError: the application makes no such object, or it has no such field.
    """
    source = rendered.source
    if source is None:
        raise UsageError(f"'{rendered.app.name}' lies in another repository; medpattern cannot look into it")
    if rendered.chart is None:
        return _explain_copied(rendered, source, kind, name, field)
    structure = rendered.chart.structure
    objects = structure.objects
    found = [item for item in objects if item.kind.lower() == kind.lower() and item.name == name]
    if not found:
        known = {f"{item.kind}/{item.name}" for item in objects}
        raise UsageError(f"'{rendered.app.name}' makes no {kind}/{name}; {did_you_mean(f'{kind}/{name}', known)}")
    return [_explain(rendered, source, structure, item, field) for item in found]


def _explain(
    rendered: RenderedApp, source: ChartSource, structure: Structure, found: SkeletonObject, field: KeyPath
) -> FieldExplanation:
    label = f"{found.kind}/{found.name}"
    exists, node = lookup(found.tree, field)
    hydrated = found.hydrate(rendered.values.values, rendered.app.namespace)
    inside, value = lookup(hydrated, field)
    if not inside:
        parent = lookup(hydrated, field[:-1])[1]
        near = did_you_mean(str(field[-1]), parent) if isinstance(parent, dict) else ""
        raise UsageError(f"{label} has no field {dotted(field)}; {near}".rstrip("; "))
    text = source.templates[found.template]
    line = found.line_of(field)
    lines = text.splitlines()
    shown = f"{source.shown}/templates/{found.template}"
    leaves = tuple(leaf_reads(rendered.values, node)) if exists and field else ()
    around = conditions_around(text, line)
    reads = StructuralReads(rendered.values, structure, found, field, text, around)
    return FieldExplanation(
        label=label,
        field=field,
        value=value,
        place=Place(shown, line, 1),
        text=lines[line - 1].strip() if 0 < line <= len(lines) else "",
        reads=(*leaves, *reads.of_line(line, {leaf.path for leaf in leaves})),
        conditions=tuple(
            Condition(Place(shown, number, 1), tag, tuple(reads.of_condition(number, tag))) for number, tag in around
        ),
    )


def _explain_copied(
    rendered: RenderedApp, source: ChartSource, kind: str, name: str, field: KeyPath
) -> list[FieldExplanation]:
    """An ordinary chart: the template file, as Helm names it."""
    if not rendered.is_hydrated:
        raise UsageError(f"'{rendered.app.name}' is an ordinary chart: not hydrated: needs Helm")
    result = []
    known = set()
    for template, found in rendered.copied_objects():
        metadata = found.get("metadata") or {}
        known.add(f"{found.get('kind')}/{metadata.get('name')}")
        if str(found.get("kind", "")).lower() == kind.lower() and metadata.get("name") == name:
            value = lookup(found, field)[1]
            place = Place(f"{source.shown}/{template}")
            result.append(FieldExplanation(f"{found['kind']}/{name}", field, value, place, "", (), ()))
    if not result:
        raise UsageError(f"'{rendered.app.name}' makes no {kind}/{name}; {did_you_mean(f'{kind}/{name}', known)}")
    return result
