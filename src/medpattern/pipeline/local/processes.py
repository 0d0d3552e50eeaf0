"""Processes that belong together: started in order, restarted when they die, ended in the opposite order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from medpattern.errors import RemoteError

_GRACE_SECONDS = 15.0
# A stage that dies at each start is broken, not unlucky.
_MOST_RESTARTS = 20


class StageFailedError(RemoteError):
    """A stage does not start, or keeps dying; the text names its log."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One process: `python -m <module> <arguments>`; `health` is asked until it answers 200."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    health: str = ""
    ends: bool = False  # ends by itself, and that is no failure
    holds_data: bool = False  # in memory: what died cannot be started again


class Stage:
    """A running (or ended) process of a spec."""

    def __init__(self, spec: StageSpec, logs: Path) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self.restarts = 0
        self.ready = False
        self.suspended = False
        self._process: subprocess.Popen[bytes] | None = None
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs or was never started."""
        return self._process.poll() if self._process else None

    @property
    def state(self) -> str:
        """One word for people: starting, ready, suspended, down or ended."""
        if self.pid is None:
            return "ended" if self.spec.ends and self.exit_code == 0 else "down"
        return "suspended" if self.suspended else "ready" if self.ready else "starting"

    def start(self) -> None:
        """Starts the process, its output in its log."""
        self.ready = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", "medpattern.pipeline.local.child", *self.spec.arguments],
                env=dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the parent alone, which then ends all in order.
                start_new_session=True,
            )

    def look(self) -> None:
        """Notices whether it has become ready, or has died; starts it again after a pause.

        Raises:
            StageFailedError: it has died too often.
        """
        if self.pid is not None:
            self.ready = self.ready or not self.spec.health or _answers(self.spec.health)
        elif not (self.spec.ends and self.exit_code == 0):
            self._restart()

    def _restart(self) -> None:
        if self.spec.holds_data:
            raise StageFailedError(f"{self.spec.name} died, and what it held with it: {self.last_words()}")
        if self.ready or not self._again_at:
            self.ready = False
            self._again_at = time.monotonic() + min(0.2 * 2**self.restarts, 5.0)
        if time.monotonic() >= self._again_at:
            if self.restarts >= _MOST_RESTARTS or self.exit_code == 2:
                raise StageFailedError(f"{self.spec.name} ended with {self.exit_code}: {self.last_words()}")
            self.restarts += 1
            self._again_at = 0.0
            self.start()

    def suspend(self, suspended: bool) -> None:
        """Stops the process where it stands, or lets it go on."""
        if self.pid is not None and suspended != self.suspended:
            os.kill(self.pid, signal.SIGSTOP if suspended else signal.SIGCONT)
            self.suspended = suspended

    def end(self, grace: float = _GRACE_SECONDS) -> None:
        """TERM, and after `grace` seconds KILL, for the process and what it started."""
        process = self._process
        if process is None:
            return
        self.suspend(False)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last line of its log, and where the log is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if self.log.exists() else []
        return f"{lines[-1][:300] if lines else 'without a word'} (log: {self.log})"


def wait_ready(stages: Iterable[Stage], seconds: float = 60) -> None:
    """Waits until all answer.

    Raises:
        StageFailedError: one did not in time.
    """
    deadline = time.monotonic() + seconds
    for stage in stages:
        while True:
            stage.look()
            if stage.ready:
                break
            if time.monotonic() > deadline:
                raise StageFailedError(f"{stage.spec.name} did not become ready: {stage.last_words()}")
            time.sleep(0.05)


def _answers(url: str) -> bool:
    # No proxy of the environment stands between two processes of one machine.
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False
