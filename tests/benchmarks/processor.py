"""What processes cost: processor seconds of a process and of everything below it, as the kernel counts them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(*roots: int) -> float:
    """User and system seconds of the processes `roots` and all their descendants, ended ones that were waited for too.

    Raises ProcessLookupError where one of `roots` is not there.
    """
    return sum(_seconds(pid) for pid in {pid for root in roots for pid in family(root)})


def family(root: int) -> list[int]:
    """`root` and its descendants that live now."""
    if not Path(f"/proc/{root}").exists():
        raise ProcessLookupError(f"there is no process {root}")
    found = [root]
    for pid in found:
        found += children(pid)
    return found


def children(pid: int) -> Iterable[int]:
    """Processes that any thread of `pid` has started."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, listing.read_text("ascii").split())
        except OSError:  # the thread has ended
            continue


def _seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        return time.clock_gettime(clock_of(pid)) + ended_children_ticks(stat) / TICKS
    except OSError:  # ended meanwhile; its parent counts it once it has waited for it
        return 0.0


def clock_of(pid: int) -> int:
    """The kernel's clock of a process's time on processors, in nanoseconds where /proc counts in hundredths.

    As clock_getcpuclockid(3) computes it: the complement of the id above three bits, of which 2 means the
    scheduler's own account.
    """
    return (~pid << 3) | 2


def ended_children_ticks(stat: str) -> int:
    """cutime + cstime of a line of /proc/PID/stat (proc(5), fields 16 and 17).

    The command's name, in brackets, may hold blanks and brackets itself.
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[13]) + int(fields[14])
