"""Run a command as a child process and read from the kernel what it cost."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


class CommandError(Exception):
    """A measured command ended with an unexpected exit code; the text holds the end of what it printed."""


@dataclass(frozen=True)
class Usage:
    """What one run cost, its own child processes included.

    user_s, system_s: processor seconds in the program and in the kernel; wall_s: seconds on the clock;
    peak_mb: largest resident memory of one of its processes in MB (1,000,000 bytes).
    """

    user_s: float
    system_s: float
    wall_s: float
    peak_mb: float

    @property
    def cpu_s(self) -> float:
        """Processor seconds in all."""
        return self.user_s + self.system_s


@dataclass
class Job:
    """A command to measure, what to prepare (unmeasured) before each run, and the runs so far.

    `codes` are the exit codes with which it may end.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None = None
    prepare: Callable[[int], None] = lambda number: None
    codes: tuple[int, ...] = (0,)
    usages: list[Usage] = field(default_factory=list)

    def run(self, number: int) -> None:
        """Prepare and measure run `number`."""
        self.prepare(number)
        self.usages.append(measure(self.command, self.folder, self.environment, self.codes))

    def median(self, figure: str) -> float:
        """Median over the runs of one figure of `Usage`, in that figure's unit."""
        figures: list[float] = [getattr(usage, figure) for usage in self.usages]
        return median(figures)

    def spread(self, figure: str) -> tuple[float, float]:
        """Smallest and largest of one figure of `Usage`, in that figure's unit."""
        figures = [getattr(usage, figure) for usage in self.usages]
        return min(figures), max(figures)


def measure(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    codes: tuple[int, ...] = (0,),
) -> Usage:
    """Run the command in the folder to its end and return its cost.

    Raises:
        CommandError: its exit code is none of `codes`.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            output.seek(max(0, output.tell() - 4000))
            tail = output.read().decode("utf-8", "replace")
            raise CommandError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Usage(usage.ru_utime, usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6)
