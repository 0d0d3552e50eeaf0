"""The command `medpattern`."""

from __future__ import annotations

import gc
import signal
import sys
from typing import Annotated

import typer

from medpattern import __version__
from medpattern.cli import console
from medpattern.cli.backfill import backfill
from medpattern.cli.bootstrap import bootstrap
from medpattern.cli.bridge import bridge
from medpattern.cli.cluster import cluster
from medpattern.cli.deadletter import deadletter
from medpattern.cli.diff import diff
from medpattern.cli.doctor import doctor
from medpattern.cli.explain import explain
from medpattern.cli.graph import graph
from medpattern.cli.init import init
from medpattern.cli.listing import listing
from medpattern.cli.lock import lock, promote
from medpattern.cli.migrate import migrate
from medpattern.cli.model import model
from medpattern.cli.notify import notify
from medpattern.cli.purge import purge
from medpattern.cli.reading import report, verdict
from medpattern.cli.receive import receive
from medpattern.cli.render import render
from medpattern.cli.replay import replay
from medpattern.cli.results import results
from medpattern.cli.run import run
from medpattern.cli.schema import schema
from medpattern.cli.schemas import schemas
from medpattern.cli.secrets import secrets
from medpattern.cli.serve import serve
from medpattern.cli.simulate import simulate
from medpattern.cli.source import source
from medpattern.cli.status import status
from medpattern.cli.uninstall import uninstall
from medpattern.cli.validate import validate
from medpattern.errors import MedpatternError

app = typer.Typer(
    name="medpattern",
    help="Renders the Medical Diagnosis pattern, and any Validated Patterns repository, from layered values "
    "files into per-cluster Helm charts and Argo CD Applications.\n\n"
    "Begin with: medpattern init DIR; cd DIR; medpattern render; git push",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("init")(init)
app.command("render")(render)
app.command("validate")(validate)
app.command("graph")(graph)
app.command("explain")(explain)
app.add_typer(listing, name="list")
app.command("schema")(schema)
app.add_typer(schemas, name="schemas")
app.command("lock")(lock)
app.command("promote")(promote)
app.command("diff")(diff)
app.command("status")(status)
app.command("doctor")(doctor)
app.add_typer(cluster, name="cluster")
app.add_typer(secrets, name="secrets")
app.command("bootstrap")(bootstrap)
app.command("uninstall")(uninstall)
app.command("run")(run)
app.command("serve")(serve)
app.command("simulate")(simulate)
app.command("source")(source)
app.command("bridge")(bridge)
app.command("migrate")(migrate)
app.command("deadletter")(deadletter)
app.command("replay")(replay)
app.command("notify")(notify)
app.command("receive")(receive)
app.command("results")(results)
app.command("report")(report)
app.command("verdict")(verdict)
app.add_typer(model, name="model")
app.command("backfill")(backfill)
app.command("purge")(purge)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medpattern {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Runs the command line; exit codes: 0 done or clean, 1 differs, 2 wrong use or input, 3 remote."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that has what it wanted (`| head`) ends the program, as it does elsewhere.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A run builds much and frees little: looking for cycles all the time costs a tenth of it.
    gc.set_threshold(100_000, 50, 100)
    try:
        app()
    except SystemExit as wanted:
        console.end.leave(wanted.code)
        raise
    except MedpatternError as problem:
        console.error(problem)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        console.say("interrupted")
        sys.exit(130)
