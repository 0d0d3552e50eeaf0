"""`medpattern schemas`: the schemas that objects are held against; which there are, and more from definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medpattern.cli import console
from medpattern.cli.options import Output, OutputOption

if TYPE_CHECKING:
    from medpattern.checks.imports import Imported
    from medpattern.checks.schemas import SchemaSet
    from medpattern.checks.sources import KindRow

schemas = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The schemas of Kubernetes objects that validate uses. (The schema of values files: medpattern schema.)",
)

Folders = Annotated[
    list[Path] | None,
    typer.Option("--schemas", metavar="DIR", envvar="MEDPATTERN_SCHEMAS", file_okay=False, show_default=False,
                 help="Folder of CustomResourceDefinitions or JSON schemas, before the shipped ones; may be repeated."),
]  # fmt: skip
FromCluster = Annotated[
    bool, typer.Option("--from-cluster", help="Ask the cluster that kubectl talks to for its definitions.")
]
Context = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="With --from-cluster: the kubeconfig's context. Default: the current one.",
                 show_default=False),
]  # fmt: skip


def chosen(folders: Sequence[Path], *, from_cluster: bool = False, context: str | None = None) -> SchemaSet:
    """The schemas that a person names, in this order: folders, a live cluster's, the shipped ones.

    Raises:
        UsageError: no such folder, no login, or a context without --from-cluster.
        RemoteError: the cluster does not answer.
    """
    from medpattern.checks.folders import SchemaFolder
    from medpattern.checks.schemas import SchemaSet
    from medpattern.checks.sources import Definitions, Source

    sources: list[Source] = [SchemaFolder(folder) for folder in folders]
    crds = _live(from_cluster=from_cluster, context=context)
    return SchemaSet([*sources, Definitions(_cluster(context), crds)] if from_cluster else sources)


def _live(*, from_cluster: bool, context: str | None) -> list[dict[str, Any]]:
    from medpattern.errors import UsageError

    if not from_cluster:
        if context:
            raise UsageError("--context goes with --from-cluster")
        return []
    from medpattern.cluster.definitions import definitions

    return definitions(context)


def _cluster(context: str | None) -> str:
    return f"cluster {context}" if context else "cluster"


@schemas.command("list")
def list_schemas(
    folders: Folders = None,
    from_cluster: FromCluster = False,
    context: Context = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The kinds with a schema: group, kind, versions, scope, and where the schema comes from.

    Of sources that know the same kind the first counts, and only that one is listed.

    Example: medpattern schemas list --schemas schemas --output json
    """
    found = chosen(folders or [], from_cluster=from_cluster, context=context)
    rows = _by_kind(found.rows())
    if output is Output.JSON:
        names = ("group", "kind", "versions", "scope", "source")
        console.data_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        header = ("group", "kind", "versions", "scope", "source")
        console.table(header, [(group or "-", kind, ",".join(versions), scope or "?", source)
                               for group, kind, versions, scope, source in rows])  # fmt: skip
    console.say(console.number(len(rows), "kind"))


def _by_kind(rows: Sequence[KindRow]) -> list[tuple[str, str, list[str], str | None, str]]:
    """(group, kind, versions, scope, source), each version by the first source that has it."""
    seen: set[tuple[str, str]] = set()
    kinds: dict[tuple[str, str, str], tuple[list[str], str | None]] = {}
    for row in rows:
        if (row.api_version, row.kind.lower()) in seen:
            continue
        seen.add((row.api_version, row.kind.lower()))
        group, _, version = row.api_version.rpartition("/")
        kinds.setdefault((group, row.kind, row.source), ([], row.scope))[0].append(version)
    return [(*key[:2], sorted(versions), scope, key[2]) for key, (versions, scope) in sorted(kinds.items())]


@schemas.command("import")
def import_schemas(
    definitions: Annotated[list[str] | None, typer.Argument(metavar="CRD...", show_default=False, help="Files of "
                           "CustomResourceDefinitions, folders of them, or - for standard input.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the schemas go; what lies there of other kinds "
                   "stays.", file_okay=False)] = Path("schemas"),
    from_cluster: FromCluster = False,
    context: Context = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Convert CustomResourceDefinitions to strict JSON schemas, for --schemas DIR of validate.

    An unknown field, which the API server drops in silence, is refused by them, and a null that no definition
    allows. Each converted kind is printed with its file and with what the schema cannot say; on stderr stands what
    was not converted, and why.

    Exit code 0 if everything was converted, 1 if something was not (versions that are not served do not count), 2 for
    wrong use, 3 if the cluster does not answer.

    Example: medpattern schemas import crds/ --out schemas; kubectl get crd -o yaml | medpattern schemas import -
    """
    from medpattern.checks.imports import import_files
    from medpattern.errors import UsageError

    if not definitions and not from_cluster:
        raise UsageError("name files or folders of CustomResourceDefinitions, - for standard input, or --from-cluster")
    found = import_files(definitions or [], _stdin(definitions or []))
    crds = _live(from_cluster=from_cluster, context=context)
    if from_cluster:
        found.add(_cluster(context), crds)
    _write(found, out)
    _tell(found, out, output)
    if any(item.is_fault for item in found.skipped):
        raise typer.Exit(1)


def _stdin(names: Sequence[str]) -> bytes:
    import sys

    return sys.stdin.buffer.read() if "-" in names else b""


def _write(found: Imported, out: Path) -> None:
    from medpattern.checks.folders import read_index
    from medpattern.checks.imports import schema_files
    from medpattern.errors import UsageError
    from medpattern.tree.write import replace

    if not found.kinds:
        return
    try:
        for name, content in schema_files(found.kinds, read_index(out)).items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            replace(str(out / name), content)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}") from error


def _tell(found: Imported, out: Path, output: Output) -> None:
    from medpattern.checks.imports import schema_file

    rows = [(kind.api_version, kind.kind, kind.scope, f"{out.as_posix()}/{schema_file(kind)}",
             ", ".join(kind.unchecked)) for kind in found.kinds]  # fmt: skip
    if output is Output.JSON:
        names = ("apiVersion", "kind", "scope", "file", "unchecked")
        skipped = [{"what": item.what, "why": item.why} for item in found.skipped]
        console.data_json({"converted": [dict(zip(names, row, strict=True)) for row in rows], "skipped": skipped})
    else:
        header = ("apiVersion", "kind", "scope", "file", "not checked by it")
        console.table(header, rows)
    for item in found.skipped:
        console.say(f"skipped: {item.what}: {item.why}")
    console.say(f"{console.number(len(rows), 'schema')} written, {len(found.skipped)} skipped")
