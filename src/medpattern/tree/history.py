"""What git says of a repository and has of its rendered tree, without touching the work tree."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from medpattern.errors import RemoteError


def _git(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command, environment = ["git", "-C", str(root), *arguments], {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603


def git_output(root: Path, *arguments: str) -> str | None:
    """What git prints in the folder `root`, less the last line's end; None where it refuses or is not there."""
    try:
        done = _git(root, *arguments)
    except (FileNotFoundError, PermissionError):
        return None
    return None if done.returncode else done.stdout.decode("utf-8", "replace").rstrip("\n")


def git_refusal(root: Path) -> str:
    """Why git does not say whether the folder `root` is in a repository, as of another owner's; "" if it does."""
    try:
        done = _git(root, "rev-parse", "--is-inside-work-tree", LC_ALL="C")
    except (FileNotFoundError, PermissionError):
        return ""
    words = " ".join(done.stderr.decode("utf-8", "replace").split())
    return "" if done.returncode == 0 or "not a git repository (or any" in words else words


def _committed_names(root: Path, *arguments: str) -> list[str]:
    """What `git ls-tree` lists at HEAD, relative to `root`; nothing without git or a commit."""
    *flags, folder = arguments
    try:
        listing = _git(root, "ls-tree", *flags, "-z", "--name-only", "HEAD", folder)
    except FileNotFoundError:
        return []
    return [name.decode() for name in listing.stdout.split(b"\0") if name] if listing.returncode == 0 else []


def committed_files(root: Path, folder: str) -> dict[str, bytes]:
    """The files below `folder` (relative to `root`) at HEAD by name; empty without git or a commit."""
    names = _committed_names(root, f"./{folder.strip('/')}/")
    return {name.rpartition("/")[2]: _git(root, "show", f"HEAD:./{name}").stdout for name in names}


def export_revision(root: Path, revision: str, target: Path) -> Path:
    """Unpacks `revision` of the repository that holds `root` into the empty folder `target`.

    Returns:
        The folder in `target` that corresponds to `root`.

    Raises:
        RemoteError: there is no git, no repository or no such revision.
    """
    try:
        prefix = _git(root, "rev-parse", "--show-prefix")
        top = _git(root, "rev-parse", "--show-toplevel")
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if prefix.returncode:
            raise RemoteError(f"{root} is in no git repository, so there is no revision '{revision}'")
        if commit.returncode:
            raise RemoteError(f"git knows no revision '{revision}'; fetch it, or name a branch, tag or commit")
        archive = _git(Path(top.stdout.decode().strip()), "archive", "--format=tar", commit.stdout.decode().strip())
    except FileNotFoundError as error:
        raise RemoteError("git is not on PATH") from error
    if archive.returncode:
        raise RemoteError(f"git archive: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(target, filter=_safe)  # noqa: S202  the filter keeps it in its folder
    return target / prefix.stdout.decode().strip()


def _safe(member: tarfile.TarInfo, target: str) -> tarfile.TarInfo | None:
    """Leaves out what would lead out of the folder, as a link to an absolute path."""
    try:
        return tarfile.data_filter(member, target)
    except tarfile.FilterError:
        return None


def lost_files(root: Path, tree: str, out: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Files of the tree at HEAD that are gone from `out` and `wanted`, by path in the tree; empty without git."""
    paths = [name.removeprefix(f"{tree}/") for name in _committed_names(root, "-r", f"./{tree}/")]
    gone = [path for path in paths if wanted(path) and not (out / path).is_file()]
    return {path: _git(root, "show", f"HEAD:./{tree}/{path}").stdout for path in gone}


def commit_files(root: Path, files: Sequence[str], message: str) -> str:
    """Commits `files` of the repository at `root`, and nothing else; what git said against it, "" if nothing."""
    for arguments in (["add", "--", *files], ["commit", "--quiet", "--message", message, "--", *files]):
        done = _git(root, *arguments)
        if done.returncode:
            return f"git {arguments[0]}: {(done.stderr or done.stdout).decode('utf-8', 'replace').strip()}"
    return ""


def origin_url(folder: Path) -> str:
    """The URL of the remote `origin` of the repository that holds `folder`; "" if there is none."""
    if not folder.is_dir():
        return ""
    return git_output(folder, "remote", "get-url", "origin") or ""
