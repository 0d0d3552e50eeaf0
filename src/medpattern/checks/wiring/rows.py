"""Reads the tables `references.yaml` and `produces.yaml`; a row that cannot be read says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from medpattern.checks.wiring.paths import TableError, Template, compile_condition, compile_path, compile_template
from medpattern.checks.wiring.tables import (
    Conditions,
    PlatformFlow,
    ProducedRow,
    ReferenceRow,
    SelectorRow,
    Tables,
    Via,
)
from medpattern.findings import did_you_mean

Row = TypeVar("Row")


@cache
def tables() -> Tables:
    """The tables that ship with medpattern.

    Raises:
        TableError: a row cannot be read.
    """
    return read_tables(_shipped("references.yaml"), _shipped("produces.yaml"))


def read_tables(references: Mapping[str, Any], produces: Mapping[str, Any]) -> Tables:
    """Both tables from the data of their files.

    Raises:
        TableError: a row cannot be read, or has a key that rows do not have.
    """
    rows = list(_rows(references.get("kinds")))
    return Tables(
        embeds={kind: compile_path(path) for kind, path in references.get("pods", {}).items()},
        references=_grouped((kind, _reference(row)) for kind, row in rows if "to" in row),
        selectors=_grouped((kind, _selector(row, kind)) for kind, row in rows if "selects" in row),
        environment=_grouped((name, _reference(row)) for name, row in _rows(references.get("environment"))),
        produced={
            kind: tuple(_produced(row, kind) for row in _strict(kind, items, _PRODUCED))
            for kind, items in produces.get("kinds", {}).items()
        },
        always=tuple(_produced(row, "always") for row in _strict("always", produces.get("always"), _PRODUCED)),
        platform=tuple(_platform(row) for row in _strict("flows", produces.get("flows"), _PLATFORM)),
        in_no_namespace=frozenset(references.get("inNoNamespace", ())),
        inert=frozenset(produces.get("inert", ())),
    )


def _shipped(name: str) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, and our own file


_COMMON = frozenset({"at", "when", "role"})
_REFERENCE = _COMMON | {
    "to", "name", "namespace", "keys", "port", "optional", "unless", "skip", "command", "notCommand", "via", "user",
    "needs", "split", "ordered", "flow", "by", "fleetwide", "chain",
}  # fmt: skip
_SELECTOR = _COMMON | {"selects", "form", "namespaces", "ports", "flow"}
_PRODUCED = frozenset({
    "each", "makes", "name", "namespace", "keys", "open", "ports", "labels", "labelsAt", "selector", "selectorAt",
    "ingress", "when", "unless", "distribution", "unseen",
})  # fmt: skip
_PLATFORM = frozenset({"name", "place", "of", "to", "from", "ports", "distribution", "when"})


def _strict(where: str, rows: Any, known: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    for row in rows or ():
        if not isinstance(row, dict):
            raise TableError(f"{where}: {row!r} is no row")
        unknown = sorted(set(row) - known)
        if unknown:
            raise TableError(f"{where}: a row has no {unknown[0]!r}; {did_you_mean(unknown[0], known)}: {row}")
        yield row


def _rows(kinds: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(kind, row) of every row that refers or selects, one for each path of `at`."""
    for kind, items in (kinds or {}).items():
        for row in _strict(kind, items, _REFERENCE | _SELECTOR):
            if ("to" in row) is ("selects" in row):
                raise TableError(f"{kind}: a row has either 'to' or 'selects': {row}")
            for path in _listed(row.get("at")) or [""]:
                yield kind, {**row, "at": path}


def _reference(row: Mapping[str, Any]) -> ReferenceRow:
    via = row.get("via")
    return ReferenceRow(
        at=compile_path(row["at"]),
        to=compile_template(row["to"]),
        name=compile_template(row.get("name", "{.}")),
        namespace=_maybe(row, "namespace"),
        keys=tuple(compile_template(str(text)) for text in _listed(row.get("keys"))),
        port=_maybe(row, "port"),
        optional=compile_path(row["optional"]) if "optional" in row else None,
        when=_conditions(row.get("when")),
        unless=_conditions(row.get("unless")),
        skip=re.compile("|".join(_listed(row["skip"]))) if "skip" in row else None,
        command=tuple(_listed(row.get("command"))),
        not_command=tuple(_listed(row.get("notCommand"))),
        via=_via(via) if via else None,
        user=str(row.get("user", "")),
        needs=tuple(_listed(row.get("needs"))),
        split=str(row.get("split", "")),
        role=str(row.get("role", "uses")),
        ordered=bool(row.get("ordered", True)),
        flow=bool(row.get("flow", True)),
        by=_maybe(row, "by"),
        fleetwide=bool(row.get("fleetwide", False)),
        chain=str(row.get("chain", "")),
    )


def _via(row: Mapping[str, Any]) -> Via:
    kind, name = compile_template(row["kind"]), compile_template(row["name"])
    return Via(kind, name, compile_path(row["take"]), compile_path(row["account"]))


def _selector(row: Mapping[str, Any], kind: str) -> SelectorRow:
    if row.get("form", "selector") not in ("selector", "labels"):
        raise TableError(f"{kind}: 'form' is selector or labels: {dict(row)}")
    return SelectorRow(
        at=compile_path(row["at"]),
        of=row["selects"],
        form=row.get("form", "selector"),
        namespaces=str(row.get("namespaces", "")),
        ports=compile_path(row["ports"]) if "ports" in row else None,
        when=_conditions(row.get("when")),
        role=str(row.get("role", "selects")),
        flow=str(row.get("flow", "")),
    )


def _produced(row: Mapping[str, Any], kind: str) -> ProducedRow:
    if "makes" not in row or "name" not in row:
        raise TableError(f"{kind}: a row has neither 'makes' nor 'name': {dict(row)}")
    opening = row.get("open")
    return ProducedRow(
        each=compile_path(row.get("each", "")),
        makes=row["makes"],
        name=compile_template(str(row["name"])),
        namespace=_maybe(row, "namespace"),
        keys=tuple(compile_template(str(text)) for text in _listed(row.get("keys"))),
        open=compile_path(opening) if isinstance(opening, str) else None,
        is_open=opening is True,
        ports=tuple(compile_template(str(text)) for text in _listed(row.get("ports"))),
        labels=_templates(row.get("labels")),
        labels_at=compile_path(row["labelsAt"]) if "labelsAt" in row else None,
        selects=_templates(row.get("selector")),
        selects_at=compile_path(row["selectorAt"]) if "selectorAt" in row else None,
        ingress=compile_path(row["ingress"]) if "ingress" in row else None,
        when=_conditions(row.get("when")),
        unless=_conditions(row.get("unless")),
        distribution=row.get("distribution", ""),
        unseen=row.get("unseen", True) is not False,
    )


def _platform(row: Mapping[str, Any]) -> PlatformFlow:
    direction = "from" if "from" in row else "to"
    place = row.get(direction) or {}
    return PlatformFlow(
        name=row["name"],
        place=row.get("place", ""),
        of=row.get("of", ""),
        direction=direction,
        distribution=row.get("distribution", ""),
        namespace=place.get("namespace", ""),
        labels=place.get("labels", {}),
        namespace_labels=place.get("namespaceLabels", {}),
        host=place.get("host", ""),
        ports=tuple(_port(text) for text in _listed(row.get("ports"))),
        when=_conditions(row.get("when")),
    )


def _port(text: Any) -> tuple[str, int]:
    """("TCP", 53) of "53" or "53/TCP"."""
    number, _, protocol = str(text).partition("/")
    return protocol or "TCP", int(number)


def _maybe(row: Mapping[str, Any], key: str) -> Template | None:
    return compile_template(str(row[key])) if key in row else None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _conditions(value: Any) -> Conditions:
    return tuple(compile_condition(path, wanted) for path, wanted in (value or {}).items())


def _templates(value: Any) -> tuple[tuple[str, Template], ...]:
    return tuple((key, compile_template(str(text))) for key, text in (value or {}).items())


def _grouped(rows: Iterable[tuple[str, Row]]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for kind, row in rows:
        found.setdefault(kind, []).append(row)
    return {kind: tuple(items) for kind, items in found.items()}
