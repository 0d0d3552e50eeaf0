"""`medpattern model`: train, prove and ship a model."""

from __future__ import annotations

import typer

from medpattern.cli.model_card import card
from medpattern.cli.model_evaluate import evaluate
from medpattern.cli.model_evidence import evidence
from medpattern.cli.model_explain import explain
from medpattern.cli.model_export import export
from medpattern.cli.model_inspect import inspect
from medpattern.cli.model_robustness import robustness
from medpattern.cli.model_train import train

model = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The model: trained, measured, exported, looked into. The service reads only the file that comes of it.",
)
model.command("train")(train)
model.command("export")(export)
model.command("card")(card)
model.command("evaluate")(evaluate)
model.command("evidence")(evidence)
model.command("explain")(explain)
model.command("inspect")(inspect)
model.command("robustness")(robustness)
