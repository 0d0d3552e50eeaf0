"""`medpattern init`: a new deployment repository."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medpattern.cli import console


class Distribution(StrEnum):
    """What the clusters run."""

    OPENSHIFT = "openshift"
    KUBERNETES = "kubernetes"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it does not exist.", file_okay=False)],
    distribution: Annotated[Distribution, typer.Option(help="What the clusters run.")] = Distribution.OPENSHIFT,
    cluster: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A cluster; may be repeated. "
                       "Default: hospital-1.", show_default=False)] = None,
    repo_url: Annotated[str, typer.Option(help="Where Argo CD will read the repository. Default: the remote "
                        "'origin' of DIR, if it has one.", show_default=False)] = "",
    revision: Annotated[str, typer.Option(help="The branch that Argo CD follows.")] = "main",
) -> None:  # fmt: skip
    """Make a deployment repository in DIR: values files, a CI example, a pre-push hook and a README.

    Files that exist are never overwritten.

    Example: medpattern init deployment --distribution kubernetes --cluster north --cluster south
    """
    from medpattern.errors import UsageError
    from medpattern.fleet.audit import has_credentials
    from medpattern.scaffold.repository import PLACEHOLDER_URL, plan_repository, write_repository
    from medpattern.tree.history import origin_url

    url = repo_url or origin_url(folder) or PLACEHOLDER_URL
    if has_credentials(url):
        raise UsageError("the repository's URL holds credentials; give --repo-url without them")
    files = plan_repository(str(distribution), cluster or ["hospital-1"], url, revision)
    kept = write_repository(folder, files)
    console.say(f"made {len(files) - len(kept)} files in {folder}")
    for name in kept:
        console.say(f"left as it was: {name}")
    if url == PLACEHOLDER_URL:
        console.say(f"set main.git.repoURL in {folder}/values/values-global.yaml; it says {url}")
    console.say(f"next: cd {folder}; medpattern render")
