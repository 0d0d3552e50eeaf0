"""A small but complete repository: hub, a ward pushed to (OpenShift) and one that pulls (Kubernetes).

It lies as files in tests/fleet/fixtures/small. `central` uses the list form of every section, `ward` the map
form; its applications are two chart sources, an ordinary Helm chart and a remote one.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cli import main as command_line
from medpattern.errors import MedpatternError
from medpattern.rendering.run import Outcome, run
from medpattern.rendering.selection import Selection

CHECKOUT = Path(__file__).parents[2]
SMALL = Path(__file__).parent / "fixtures" / "small"
# How its values describe the remote chart, which nobody serves.
REPORTS = """\
    reports:
      namespace: images
      argoProject: xray
      repoURL: https://charts.example.org
      chart: reports
      chartVersion: 1.2.3
      dependsOn: [viewer]
      kinds: [apps/Deployment, ConfigMap]
      values:
        font: null
        pages: 2
"""


@dataclass(frozen=True)
class Result:
    """What a command did, as a user sees it."""

    code: int
    out: str
    err: str


def copy_small(folder: Path) -> Path:
    """A copy of the small repository that a test may change."""
    return Path(shutil.copytree(SMALL, folder / "repository"))


def edit(root: Path, file: str, old: str, new: str) -> None:
    """Replaces `old`, which stands there exactly once, by `new`."""
    path = root / file
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), "utf-8")


def render(root: Path, **selection: Any) -> Outcome:
    """Renders afresh, writes, and hands back what was found."""
    outcome = run(Selection(root, **selection), root / "rendered")
    outcome.write()
    return outcome


def medpattern(*arguments: str | Path, root: Path | None = None) -> Result:
    """Runs the command line in this process."""
    words = [str(argument) for argument in arguments] + (["--root", str(root)] if root else [])
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            command_line.app(words, prog_name="medpattern", standalone_mode=True)
        except MedpatternError as problem:
            command_line.console.error(problem)
            code = problem.exit_code
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
    return Result(code, out.getvalue(), err.getvalue())


def process(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Result:
    """Runs the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "medpattern", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def manifest(path: Path) -> Any:
    """The object in a file; of root.yaml, which begins with the project of roots, the root itself."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))[-1]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, content by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def git(root: Path, *arguments: str) -> str:
    """Runs git in `root` as nobody in particular, with no configuration of this machine."""
    done = subprocess.run(
        ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", *arguments],
        cwd=root,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def another_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on git takes every repository for somebody else's, and refuses to look at it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def commit(root: Path, message: str = "a commit") -> str:
    """Commits everything in `root`, which becomes a git repository if it is none; the new revision."""
    if not (root / ".git").is_dir():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()
