"""`medpattern validate`: what is wrong with what each cluster would get, before a push."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, waiving
from medpattern.cli.options import Facts, Group, Root, Values, complete_app, complete_cluster
from medpattern.cli.schemas import Context, Folders, FromCluster, chosen

if TYPE_CHECKING:
    from medpattern.checks.schemas import SchemaSet
    from medpattern.checks.waivers import Waiver
    from medpattern.rendering.found import Validation
    from medpattern.rendering.selection import Selection


class Form(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """The least severity that ends with exit code 1."""

    ERROR = "error"
    WARNING = "warning"


class Distribution(StrEnum):
    """What a cluster of unknown facts is taken for."""

    OPENSHIFT = "openshift"
    KUBERNETES = "kubernetes"


def complete_code(incomplete: str) -> list[str]:
    """Codes of findings that begin with what has been typed."""
    from medpattern.rendering.handbook import sections

    return [code for code in sections() if code.startswith(incomplete)]


def validate(
    cluster: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this cluster; may be repeated. "
                       "Rules between clusters need all of them.", autocompletion=complete_cluster,
                       show_default=False)] = None,
    group: Group = "",
    app: Annotated[str, typer.Option(metavar="NAME", help="Only what concerns this application.",
                   autocompletion=complete_app, show_default=False)] = "",
    manifests: Annotated[list[Path] | None, typer.Option(metavar="DIR", help="Instead of a values repository: a folder "
                         "of rendered YAML or JSON, whoever made it, as what one cluster gets; may be repeated.",
                         file_okay=False, show_default=False)] = None,
    distribution: Annotated[Distribution | None, typer.Option(help="With --manifests: what the cluster is. Default: "
                            "kubernetes.", show_default=False)] = None,
    kubernetes_version: Annotated[str, typer.Option(metavar="1.N", help="With --manifests: the cluster's version. "
                                  "Default: the newest that is known.", show_default=False)] = "",
    waivers: Annotated[Path | None, typer.Option(metavar="FILE", help="Findings that do not count for a while. "
                       "Default: waivers.yaml beside the values files.", dir_okay=False, show_default=False)] = None,
    schemas: Folders = None,
    from_cluster: FromCluster = False,
    context: Context = None,
    explain: Annotated[str, typer.Option(metavar="CODE", help="Print what a finding means, why, and how to mend it; "
                       "nothing is validated.", autocompletion=complete_code, show_default=False)] = "",
    fail_on: Annotated[FailOn, typer.Option(help="What ends with exit code 1.")] = FailOn.ERROR,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print waived findings too, and what was not looked "
                       "at.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look at everything again, even if no input has "
                        "changed.")] = False,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print.")] = Form.TEXT,
) -> None:  # fmt: skip
    """Check everything that each cluster would get: schemas, wiring, policy, values; nothing is written.

    Exit code 0 without errors, 1 with errors (or warnings, see --fail-on), 2 for wrong use.

    Example: medpattern validate --cluster hospital-1 --output json
    """
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import Selection

    if explain:
        from medpattern.rendering.handbook import section

        console.data(section(explain))
        return
    selection = Selection(root, values, facts, tuple(cluster or ()), group, app)
    if manifests:
        if not selection.is_whole or values or facts:
            raise UsageError("--manifests goes with none of --cluster, --group, --app, --values and --clusters")
        named = chosen(schemas or [], from_cluster=from_cluster, context=context)
        found = _manifests(manifests, named, distribution, kubernetes_version, root)
    else:
        if kubernetes_version or distribution:
            raise UsageError("--distribution and --kubernetes-version go with --manifests; facts of a cluster say them")
        found = _repository(selection, schemas or [], from_cluster, context, no_cache=no_cache)
    known = waiving.read(waivers, selection, is_repository=not manifests)
    if _tell(found, known, output, root, fail_on, verbose=verbose, judge_unused=selection.is_whole):
        raise typer.Exit(1)


def _tell(
    found: Validation, known: tuple[Waiver, ...], output: Form, root: Path, fail_on: FailOn, *,
    verbose: bool, judge_unused: bool,
) -> bool:  # fmt: skip
    """Prints what was found; whether it fails."""
    from datetime import UTC, datetime

    from medpattern.checks.waivers import judge
    from medpattern.cli import validate_views as views
    from medpattern.findings import errors_of

    judged = judge(found.findings, known, datetime.now(UTC).date(), judge_unused=judge_unused)
    if output is Form.JSON:
        console.data_json(views.as_json(found, judged))
    elif output is Form.SARIF:
        from medpattern.cli.sarif import sarif

        console.data_json(sarif(judged, root))
    else:
        views.text(found, judged, verbose=verbose)
    return bool(judged.findings if fail_on is FailOn.WARNING else errors_of(judged.findings))


def _repository(
    selection: Selection, schemas: list[Path], from_cluster: bool, context: str | None, *, no_cache: bool
) -> Validation:
    """What is wrong with a values repository; remembered where no input has changed."""
    from medpattern.rendering.remembered import Memory

    named = chosen(schemas, from_cluster=from_cluster, context=context)
    memory = None if no_cache or from_cluster else Memory(selection, schemas)
    known = memory.recall() if memory else None
    if known is not None:
        return known
    from medpattern.rendering.validation import Run

    console.end.at_once = True
    run = Run(selection, named)
    with console.progress("validating") as progress:
        found = run.validate(progress)
    if memory:
        memory.keep(run, found)
    return found


def _manifests(
    folders: list[Path], schemas: SchemaSet, distribution: Distribution | None, kubernetes_version: str, root: Path
) -> Validation:
    import re

    from medpattern.errors import UsageError
    from medpattern.rendering.validation import validate_manifests

    version = kubernetes_version.removeprefix("v")
    if version and not re.match(r"1\.\d+([.+-]|$)", version):
        raise UsageError(f"--kubernetes-version {kubernetes_version}: write it as 1.34")
    return validate_manifests(folders, schemas, distribution or Distribution.KUBERNETES, version, root)
