"""What `medpattern bootstrap` of a whole hospital costs: `python -m tests.benchmarks.bootstrap --runs 1`.

Starts an empty Kubernetes API server with controllers, a scheduler and a pretended node (.ci/install_cluster.sh), and
bootstraps the shipped hospital-2 with a real Argo CD until every Application is Synced and Healthy; what stands in for
something stands in tests/live/demo.py. Until the line "objects applied" the time is medpattern's, after it Argo CD's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import Thread

from tests.live.demo import NAME, Demo
from tests.real.servers.processes import Process

APPLIED = "objects applied"
TICK = os.sysconf("SC_CLK_TCK")
HEADER = (
    "run, clock s", "until applied, clock s", "of it medpattern, CPU s", "then, clock s", "of it medpattern, CPU s",
    "Argo CD, CPU s", "API server and etcd, CPU s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds of one run, in the order of the table."""

    whole: float
    before: float
    before_cpu: float
    after: float
    after_cpu: float
    argocd_cpu: float
    api_cpu: float


class Samples(Thread):
    """Looks at a running bootstrap until it ends: when it has applied everything, and what it has used by then."""

    def __init__(self, run: Process) -> None:
        super().__init__(daemon=True)
        self.run_ = run
        self.begun = self.applied = self.ended = time.monotonic()
        self.applied_cpu = self.cpu = 0.0

    def run(self) -> None:
        is_applied = False
        while (used := cpu([self.run_], children=False)) is not None:
            self.cpu, self.ended = used, time.monotonic()
            if not is_applied and APPLIED in self.run_.text():
                is_applied, self.applied, self.applied_cpu = True, self.ended, used
            time.sleep(0.05)


def cpu(processes: Iterable[Process], *, children: bool = True) -> float | None:
    """Processor seconds of processes that run, and of what they started and waited for; None if one has ended."""
    found = 0
    for one in processes:
        try:
            fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            return None
        if fields[0] == "Z":
            return None
        found += sum(int(text) for text in fields[11 : 15 if children else 13])
    return found / TICK


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    runs = []
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="medpattern-bootstrap-") as folder:
            runs.append(measured(Path(folder) / "demo"))
    middle = [statistics.median(figures) for figures in zip(*map(astuple, runs), strict=True)]
    print(f"bootstrap of {NAME}, empty cluster to Healthy; medians of {len(runs)}\n")
    rows = [HEADER, ("---",) * len(HEADER), tuple(f"{figure:.1f}" for figure in middle)]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return 0


def measured(folder: Path) -> Shares:
    """One bootstrap on a cluster of its own."""
    folder.mkdir()
    demo = Demo(folder)
    try:
        demo.start()
        servers = (demo.gitops.cluster.server, demo.gitops.cluster.etcd)
        idle = cpu(servers) or 0.0
        run = demo.bootstrap()
        seen = Samples(run)
        seen.start()
        demo.until_ended(run)
        seen.join()
        if run.exit_code:
            raise SystemExit(f"bootstrap ended with {run.exit_code}:\n{run.tail()}")
        argocd, api = cpu(demo.gitops.argocd.processes) or 0.0, (cpu(servers) or 0.0) - idle
        before, whole = seen.applied - seen.begun, seen.ended - seen.begun
        after_cpu = seen.cpu - seen.applied_cpu
        return Shares(whole, before, seen.applied_cpu, whole - before, after_cpu, argocd, api)
    finally:
        demo.discard()


if __name__ == "__main__":
    sys.exit(main())
