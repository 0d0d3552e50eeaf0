"""The commands of docs/operations.md, typed as they stand there.

Names of clusters are replaced. `medpattern` is this checkout's, `kubectl` a stand-in (tests/live/kubectl.py), `pip`
does what a test says; somebody sits at the terminal and answers.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fleet.small import CHECKOUT
from tests.real.servers.processes import Process, until

PAGE = CHECKOUT / "docs" / "operations.md"
# A command of medpattern on a loaded machine, with all that it waits for.
COMMAND_SECONDS = 900
_GOES_ON = ("|", "\\", "&&")


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    text = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert text, f"{PAGE.name} has no heading {heading!r}"
    return text[1]


def commands(heading: str) -> list[str]:
    """The commands in the blocks of a section, one by one."""
    found: list[str] = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```$", section(heading), re.MULTILINE | re.DOTALL):
        before = ""
        for line in block.splitlines():
            if before.endswith(_GOES_ON):
                found[-1] += f"\n{line.strip()}"
            else:
                found.append(line.strip())
            before = line
    assert found, f"{heading!r} has no commands"
    return found


def quoted(heading: str, begin: str) -> str:
    """The one command in a section's text that begins so."""
    (found,) = re.findall(rf"`({re.escape(begin)}[^`]*)`", section(heading))
    return str(found)


class Typist:
    """Somebody with a shell in a repository. `play` is called while a command runs, for what others do meanwhile."""

    def __init__(
        self, folder: Path, repository: Path, kubeconfig: Path, names: Mapping[str, str], play: Callable[[], None]
    ) -> None:
        self.folder = folder
        self.repository = repository
        self.names = names
        self.play = play
        self.sources = CHECKOUT / "src"
        self._typed = 0
        self._programs = folder / "bin"
        self._programs.mkdir(parents=True)
        self.program(
            "kubectl", f'PYTHONPATH="{CHECKOUT}/src:{CHECKOUT}" exec "{sys.executable}" -m tests.live.kubectl "$@"'
        )
        self.install(self.sources)
        self._environment = {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
            "PYTHONUNBUFFERED": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def program(self, name: str, text: str) -> None:
        """A program of that name."""
        path = self._programs / name
        path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        path.chmod(0o755)

    def install(self, sources: Path) -> None:
        """The medpattern that is typed from now on."""
        self.program("medpattern", f'PYTHONPATH="{sources}" exec "{sys.executable}" -m medpattern "$@"')

    def type(self, command: str, answer: str = "y", codes: tuple[int, ...] = (0,)) -> str:
        """Types a command and answers its question; what it printed.

        `codes` are the exit codes that it may have.
        """
        for name, own in self.names.items():
            command = command.replace(name, own)
        self._typed += 1
        ours, theirs = os.openpty()
        try:
            os.write(ours, f"{answer}\n".encode())
            script = f"set -euo pipefail; exec <{os.ttyname(theirs)}\n{command}"
            log = self.folder / f"{self._typed}.log"
            shell = Process("bash", ["bash", "-c", script], log, environment=self._environment, folder=self.repository)
            shell.start()
            try:
                until(lambda: self.play() or not shell.alive, command, seconds=COMMAND_SECONDS, every=0.5)
            finally:
                shell.discard()
        finally:
            os.close(ours)
            os.close(theirs)
        assert shell.exit_code in codes, f"{command}\nended with {shell.exit_code}\n{shell.tail(60)}"
        return shell.text()

    def type_all(self, heading: str, answer: str = "y") -> str:
        """All commands of a section; what they printed."""
        return "\n".join(self.type(command, answer) for command in commands(heading))
