"""`medpattern lock` and `medpattern promote`: what names stand for, and which clusters run which image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Facts, Root, Values, complete_app
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.lock.edits import FileEdit
    from medpattern.lock.resolving import Resolution


def lock(
    apps: Annotated[
        list[str] | None,
        typer.Argument(metavar="[APP]...", help="Update these applications only.", autocompletion=complete_app),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Ask registries, Helm repositories and git servers.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if something would change.")] = False,
    accept_changed: Annotated[
        bool, typer.Option(help="Take another content of a version or git tag that was locked before.")
    ] = False,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CA certificates of these servers.", dir_okay=False, exists=True)
    ] = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:
    """Write down what each chart version, git revision and image tag stands for, and fill empty digests.

    Without --update nothing is asked: values are filled from values/lock.yaml. The edits of values files are printed as
    a diff. Exit codes: 0 all is locked, 1 something is open, has changed or would change, 3 a server did not answer.

    Example: medpattern lock --update risk-assessment
    """
    _require_libraries()
    from medpattern.lock.remotes import Remotes
    from medpattern.lock.run import lock_run
    from medpattern.rendering.selection import Selection

    if not update and (apps or accept_changed or ca):
        raise UsageError("applications, --accept-changed and --ca go with --update")
    if update and check:
        raise UsageError("--check asks nobody and changes nothing: it excludes --update")
    servers = Remotes(str(ca or "")) if update else None
    done = lock_run(Selection(root, values, facts), servers, tuple(apps or ()), accept_changed=accept_changed)
    _print_diffs(done.edits)
    if not check:
        done.write()
    _tell(done.resolution)
    if done.resolution.unreachable:
        raise typer.Exit(3)
    if not done.is_settled and (check or done.resolution.open or done.resolution.changed):
        raise typer.Exit(1)


def promote(
    image: Annotated[str, typer.Argument(metavar="IMAGE@sha256:...", help="The image by its digest.")],
    ring: Annotated[int, typer.Option(min=0, help="The clusters with this ring in their facts.")],
    force: Annotated[
        str, typer.Option(metavar="REASON", help="Do not wait for the ring before; the commit says why.")
    ] = "",
    commit: Annotated[bool, typer.Option("--commit", help="Commit the changed files.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the diff only.")] = False,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:
    """Give the clusters of one ring another image of the program, and with it another model.

    Edits values-<cluster>.yaml of each, comments kept, and prints the diff; `medpattern render` and a push make it
    true. A ring is refused (exit 1) until every cluster of the ring before runs the image.

    Example: medpattern promote registry.example.org/medpattern/medpattern@sha256:... --ring 0 --commit
    """
    _require_libraries()
    from medpattern.lock.promotion import Image
    from medpattern.lock.run import promotion
    from medpattern.rendering.selection import Selection

    if force and not (commit or dry_run):
        raise UsageError("--force goes with --commit, since the commit's message keeps the reason")
    planned = promotion(Selection(root, values, facts), Image.parse(image), ring, force)
    _print_diffs(planned.edits)
    if not planned.edits:
        console.say(f"ring {ring} runs it already: {', '.join(planned.clusters)}")
        return
    if dry_run:
        return
    planned.write(commit=commit)
    if commit:
        console.say(
            f"committed for {', '.join(planned.clusters)}; next: medpattern render, a commit of the tree, and git push"
        )
    else:
        console.say("next: medpattern render, and a commit with this message:\n")
        console.say(planned.message)


def _require_libraries() -> None:
    import importlib.util

    if not all(importlib.util.find_spec(name) for name in ("ruamel", "oras", "semantic_version")):
        raise UsageError("this command needs more libraries: pip install 'medpattern[lock]'")


def _print_diffs(edits: tuple[FileEdit, ...]) -> None:
    for edit in edits:
        console.data(edit.diff().rstrip("\n"))


def _tell(found: Resolution) -> None:
    for line in found.notes:
        console.say(line)
    for line in found.open:
        console.say(f"not locked: {line}; run 'medpattern lock --update' where its server can be reached")
    for line in found.changed:
        console.say(f"changed: {line}; find out why, then run 'medpattern lock --update --accept-changed'")
    for line in found.unreachable:
        console.say(f"not asked: {line}")
