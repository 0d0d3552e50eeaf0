"""Chart sources of a few lines, made in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from medpattern.charts.generator import GeneratedChart, Generator
from medpattern.charts.source import ChartSource, fill_declared
from medpattern.documents.writer import dump
from medpattern.errors import ChartSourceError
from medpattern.findings import Finding

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\n"
CHART_YAML = b'apiVersion: v2\nname: small\nversion: 1.0.0\nannotations: {medpattern.io/chart-source: "true"}\n'


def small(
    template: str | dict[str, str],
    values: dict[str, Any],
    schema: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> ChartSource:
    """A chart source; without a schema, one that fits its values."""
    templates = template if isinstance(template, dict) else {"made.yaml": template}
    content = {
        "Chart.yaml": CHART_YAML,
        "values.yaml": dump(values).encode(),
        "values.schema.json": json.dumps(schema or schema_of(values)).encode(),
    }
    content |= {f"templates/{name}": text.encode() for name, text in templates.items()}
    content |= {f"files/{name}": text.encode() for name, text in (files or {}).items()}
    return ChartSource("small", "charts/small", content)


def schema_of(value: Any) -> dict[str, Any]:
    """A schema that fits `value`: null stands for a string that may be left out."""
    if isinstance(value, dict):
        properties = {key: schema_of(item) for key, item in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": properties}
    if isinstance(value, list):
        return {"type": "array", **({"items": schema_of(value[0])} if value else {})}
    if value is None:
        return {"type": ["string", "null"]}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": names[type(value)]}


def generate(source: ChartSource, values: dict[str, Any] | None = None) -> GeneratedChart:
    """Its chart for `values`, by default its own."""
    return Generator(source).generate(fill_declared(values or source.values.data, source.schema))


def made(template: str, values: dict[str, Any], schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """The one object that a template makes."""
    (found,) = generate(small(template, values, schema)).hydrate("ward-7")
    return found


def faults(
    template: str | dict[str, str], values: dict[str, Any], schema: dict[str, Any] | None = None
) -> list[Finding]:
    """What is wrong with a template."""
    source = small(template, values, schema)
    with pytest.raises(ChartSourceError) as caught:
        generate(source)
    return list(caught.value.findings)


def fault(template: str, values: dict[str, Any], schema: dict[str, Any] | None = None) -> Finding:
    """The one thing that is wrong with a template."""
    (found,) = faults(template, values, schema)
    assert found.code == "chart-source"
    assert found.place.file == "charts/small/templates/made.yaml"
    return found
