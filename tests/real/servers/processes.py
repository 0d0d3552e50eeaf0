"""Processes that a test starts, watches, hurts and ends.

Each has a log file and a process group of its own, so that what it started ends with it. The kernel kills it when
the thread that started it goes (`setpriv --pdeathsig`): a killed pytest leaves no server behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

from tests.real.servers.programs import FailedError, program

Found = TypeVar("Found")


def until(predicate: Callable[[], Found], what: str, *, seconds: float = 30, every: float = 0.02) -> Found:
    """The first value of `predicate` that is true; `FailedError`, naming `what` was waited for, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if found := predicate():
            return found
        if time.monotonic() > deadline:
            raise FailedError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(every)


class Process:
    """One program with its arguments; it can be started again after it has ended, and goes on in the same log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: int | None = None,
    ) -> None:
        """`environment` is added to this process's own; `user` is a numeric id to run as (root only)."""
        self.name = name
        self.command = [str(word) for word in command]
        self.log = log
        self.environment = {**os.environ, **(environment or {})}
        self.folder = folder
        self.user = user
        self._running: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._groups: list[int] = []  # of each start: a killed process leaves its children behind

    def start(self) -> Self:
        """Start the program and return at once."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start processes in the main thread: they are killed when their thread ends")
        if self.alive:
            raise RuntimeError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._running = subprocess.Popen(
                [program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
            )
        self._groups.append(self.pid)
        return self

    def wait_ready(self, ready: Callable[[], object], *, seconds: float = 60) -> Self:
        """Wait until `ready()` is true; `FailedError` with the log's end when it ends or time is up."""

        def settled() -> bool:
            return bool(ready()) or not self.alive

        try:
            until(settled, f"{self.name} to become ready", seconds=seconds)
        except FailedError as error:
            raise FailedError(f"{error}\n{self.tail()}") from None
        if not self.alive:
            raise FailedError(f"{self.name} ended with {self.exit_code} instead of becoming ready\n{self.tail()}")
        return self

    @property
    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    @property
    def exit_code(self) -> int | None:
        """As of `subprocess`: negative is the signal that ended it; None while it runs or before it ever ran."""
        return None if self._running is None else self._running.poll()

    @property
    def pid(self) -> int:
        if self._running is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._running.pid

    def children(self) -> list[int]:
        """The ids of the processes that it started itself."""
        with suppress(OSError):
            return [int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def text(self) -> str:
        """What it wrote since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.text().splitlines()[-lines:])

    def send(self, number: int) -> None:
        """Send a signal to the process alone, if it still runs."""
        if self._running is not None:
            self._running.send_signal(number)

    def suspend(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to the process alone, as in a crash; returns when it is gone. What it started lives on."""
        self.send(signal.SIGKILL)
        self.wait(10)

    def discard(self) -> None:
        """SIGKILL to the process and all of its groups. Nothing to do is no error."""
        if self.alive:
            self.kill()
        self.stop()

    def wait(self, seconds: float) -> int:
        """The exit code; `FailedError` where it still runs after `seconds`."""
        if self._running is None:
            raise RuntimeError(f"{self.name} was never started")
        try:
            return self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            raise FailedError(f"{self.name} still runs after {seconds:g} s\n{self.tail()}") from None

    def stop(self, *, seconds: float = 20, number: int = signal.SIGTERM) -> None:
        """Ask it to end, force it after `seconds`, and kill what is left of its groups. Nothing to do is no error."""
        if self.alive:
            self.send(number)
            self.resume()
            with suppress(FailedError):
                self.wait(seconds)
            self.kill()
        for group in self._groups:
            _kill_group(group)
        self._groups.clear()
        if self._running is not None:
            self._running.wait()


def _kill_group(group: int) -> None:
    """Kill what is left of a group whose first process has ended and was waited for.

    While a member lives, the kernel gives its number to no other process: where one has it, that is a stranger.
    """
    if not Path(f"/proc/{group}").exists():
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
