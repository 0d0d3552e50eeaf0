"""Where the programs are, and one way to say that one is not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

INSTALL = "run .ci/install_real.sh"


class ServerError(Exception):
    """A real server cannot be had."""


class MissingError(ServerError):
    """A program that a real server needs is not installed; the text says which, and what to do."""


class FailedError(ServerError):
    """A server did not start, stop or answer as it should; the text ends with the last lines of its log."""


def program(name: str, package: str) -> str:
    """The path of a command; `package` is the Debian package that brings it."""
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"there is no {name} (Debian: {package}); {INSTALL}")
    return found


def newest(folder: str, pattern: str, package: str) -> Path:
    """The path below `folder` that matches `pattern` and has the greatest numbers in it, as versions are."""

    def version(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", str(path))]

    found = sorted(Path(folder).glob(pattern), key=version)
    if not found:
        raise MissingError(f"there is no {folder}/{pattern} (Debian: {package}); {INSTALL}")
    return found[-1]


def run(
    *command: str | Path,
    seconds: float = 60,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
) -> str:
    """What the command prints; `FailedError` with its errors where it does not end well within the time.

    `environment` is added to this process's own; `user` is a numeric id to run as, away from folders it cannot read.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, **(environment or {})},
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            cwd=None if user is None else "/",
        )
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"{Path(command[0]).name} did not end within {seconds:g} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise FailedError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
    return done.stdout
