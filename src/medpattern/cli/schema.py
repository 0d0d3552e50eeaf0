"""`medpattern schema`: the JSON Schemas of the files that people write."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from medpattern.cli import console


class SchemaName(StrEnum):
    """Which file."""

    VALUES = "values"
    CLUSTER = "cluster"


def schema(
    name: Annotated[SchemaName, typer.Argument(help="values: values-*.yaml; cluster: clusters/<name>.yaml.")],
) -> None:
    """Print the JSON Schema of values files or of clusters/<name>.yaml.

    Editors use it through a line at the top of a file, which init writes:
    # yaml-language-server: $schema=.schema/values.schema.json

    Example: medpattern schema values > values/.schema/values.schema.json
    """
    from medpattern.fleet.repository import schema_text

    console.data(schema_text(name).rstrip("\n"))
