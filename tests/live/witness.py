"""What programs were given: their arguments and environments, however short they live."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.fleet.small import CHECKOUT, Result
from tests.real.servers.programs import program


class Witness:
    """A folder for the front of PATH: what is called from there notes what it was given, then is the real program."""

    def __init__(self, folder: Path, programs: Mapping[str, Path]) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.mkdir(parents=True)
        for name, real in programs.items():
            self.place(folder / "bin" / name, real)

    @property
    def path(self) -> str:
        """PATH with this folder first."""
        return f"{self.folder / 'bin'}:{os.environ['PATH']}"

    def place(self, at: Path, real: Path) -> None:
        """Stand at a path for the real program."""
        given = f"/proc/$$/cmdline /proc/$$/environ >>{shlex.quote(str(self.notes))}/$$"
        at.parent.mkdir(exist_ok=True)
        at.unlink(missing_ok=True)
        at.write_text(f'#!/bin/sh\n{program("cat", "coreutils")} {given}\nexec {shlex.quote(str(real))} "$@"\n')
        at.chmod(0o755)

    def note(self, pid: int) -> None:
        """Note what a process was given that was started otherwise."""
        given = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        with (self.notes / str(pid)).open("ab") as file:
            file.write(b"".join(given))

    def medpattern(self, *arguments: str | Path, **environment: str) -> Result:
        """The command line in a process of its own, which is noted as what it calls is."""
        with subprocess.Popen(
            [sys.executable, "-m", "medpattern", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), "PATH": self.path, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            self.note(process.pid)
            out, err = process.communicate()
        return Result(process.returncode, out, err)

    def seen(self) -> bytes:
        """All arguments and environments, with NUL bytes between."""
        return b"".join(file.read_bytes() for file in self.notes.iterdir())
