"""`medpattern cluster`: what is known of clusters, and what joins them."""

from __future__ import annotations

import typer

from medpattern.cli.cluster_add import add, remove, rotate
from medpattern.cli.cluster_inspect import inspect

cluster = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Single live clusters.")
cluster.command("inspect")(inspect)
cluster.command("add")(add)
cluster.command("rotate")(rotate)
cluster.command("remove")(remove)
