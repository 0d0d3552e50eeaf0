"""The local half of the preflight: is the tree as its inputs render it, is it valid, is it what Argo CD will read."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medpattern.argocd.applications import Git
from medpattern.cluster.preflight import Check, ok, problem
from medpattern.secretstore.hidden import Hidden
from medpattern.tree.history import git_output, git_refusal

REMOTE_SECONDS = 60
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class Login:
    """How Argo CD logs in to the repository: by user and password, or by an ssh key; nothing lets it in as nobody."""

    username: Hidden | None = None
    password: Hidden | None = None
    ssh_key: Hidden | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """What a repository answers: the commit of a revision ("" if it has none), or why it does not."""

    commit: str = ""
    error: str = ""


def ask_remote(url: str, revision: str, login: Login) -> Remote:
    """The commit that a revision of a repository is now, asked with Argo CD's login and no other.

    No login of this person is used: what they can read says nothing about Argo CD. Password and key are handed to git
    in files of a private folder, never as arguments or variables.
    """
    if not url:
        return Remote(error="main.git.repoURL in the values is empty")
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        folder = Path(name)
        settings, environment = _login(folder, url, login)
        words = ["git", *(word for one in settings for word in ("-c", one)), "ls-remote", "--", url]
        try:
            done = subprocess.run(  # noqa: S603
                words,
                capture_output=True,
                text=True,
                check=False,
                timeout=REMOTE_SECONDS,
                cwd=folder,
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", **environment},
            )
        except FileNotFoundError:
            return Remote(error="git is not on PATH")
        except subprocess.TimeoutExpired:
            return Remote(error=f"no answer within {REMOTE_SECONDS} s")
    if done.returncode:
        return Remote(error=" ".join(done.stderr.split()) or f"git ls-remote ended with {done.returncode}")
    return Remote(_commit_of(done.stdout, revision))


def _commit_of(listing: str, revision: str) -> str:
    if _COMMIT.match(revision):
        return revision
    refs = {name: commit for commit, _, name in (line.partition("\t") for line in listing.splitlines())}
    wanted = revision or "HEAD"
    names = (wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}^{{}}", f"refs/tags/{wanted}")
    return next((refs[name] for name in names if name in refs), "")


def _login(folder: Path, url: str, login: Login) -> tuple[list[str], dict[str, str]]:
    settings = ["credential.helper="]
    environment: dict[str, str] = {}
    if login.ssh_key:
        key = _private(folder / "key", login.ssh_key.reveal().strip() + b"\n")
        environment["GIT_SSH_COMMAND"] = f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"
    elif login.password:
        from urllib.parse import quote

        scheme, _, rest = url.partition("://")
        host = rest.partition("/")[0].rpartition("@")[2]
        user = login.username.text() if login.username else "git"
        line = f"{scheme}://{quote(user, safe='')}:{quote(login.password.text(), safe='')}@{host}\n"
        store = _private(folder / "logins", line.encode())
        settings.append(f"credential.helper=store --file={store}")
    return settings, environment


def _private(path: Path, content: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(content)
    return path


def repository_checks(root: Path, tree: str, cluster: str, git: Git, remote: Remote) -> Iterator[Check]:
    """Whether what Argo CD will read is what lies here.

    Args:
        root: the values repository.
        tree: the rendered tree, relative to it.
        cluster: whose part of the tree counts.
        git: where Argo CD reads.
        remote: what the repository answers there.
    """
    where = f"{git.repo_url} at {git.revision}"
    if remote.error:
        yield problem(
            "repository",
            f"{git.repo_url or 'the repository'} cannot be read with the login that Argo CD will use: {remote.error}",
            "correct main.git.repoURL; for a private repository put its login into the secrets file (an entry with the "
            "label argocd.argoproj.io/secret-type: repository) and name the file by --secrets",
        )
        return
    if not remote.commit:
        yield problem(
            "repository",
            f"{git.repo_url} has no revision '{git.revision}'",
            f"git push origin HEAD:{git.revision or 'main'}, or correct main.git.revision",
        )
        return
    changed = git_output(root, "status", "--porcelain", "--untracked-files=all", "--", ".")
    if changed is None:
        words = git_refusal(root)
        message = f"git refuses to look at {root}: {words}" if words else f"{root} is in no git repository"
        yield problem("repository", message, "make git answer here" if words else "clone the one that Argo CD reads")
        return
    if changed:
        files = ", ".join(line[3:] for line in changed.splitlines()[:3]) + (" ..." if changed.count("\n") > 2 else "")
        yield problem("repository", f"the work tree has changes that are not committed: {files}", "commit and push")
    yield _pushed(root, f"{tree}/{cluster}", remote.commit, where)


def _pushed(root: Path, folder: str, commit: str, where: str) -> Check:
    here = git_output(root, "rev-parse", f"HEAD:./{folder}")
    if not here:
        return problem("repository", f"{folder} is not committed", "commit and push it")
    if git_output(root, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        return problem(
            "repository",
            f"{where} is the commit {commit[:12]}, which this repository does not have",
            "git pull, render, and push",
        )
    if git_output(root, "rev-parse", f"{commit}:./{folder}") != here:
        return problem("repository", f"{where} ({commit[:12]}) has another {folder} than HEAD", "git push")
    return ok("repository", f"{where} is {commit[:12]}, with {folder} as it is here")
