"""What the benchmark of the service has found: as data, as Markdown tables, and against the targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tests.benchmarks.chain import ChainCost
from tests.benchmarks.cold import ColdStart
from tests.benchmarks.report import Target, table
from tests.benchmarks.throughput import Cell

OURS = "medpattern"
FLOOR_RATIO = 0.85  # the bare loop's CPU over the service's
CHAIN_RATIO = 0.60  # the parts' CPU over the chain's
READY_S, FIRST_EVENT_S = 0.8, 1.8  # CPU seconds


@dataclass(frozen=True)
class ServiceResult:
    """One whole run.

    `cold`: starts by server; `events`: those of the service on real servers, answered by an event's result. `missing`:
    what was not measured, and why. `parts` in CPU ms per image.
    """

    machine: Sequence[str]
    model: str
    rounds: int
    cells: Sequence[Cell]
    cold: Mapping[str, Sequence[ColdStart]]
    events: Sequence[ColdStart]
    chain: ChainCost | None
    parts: Mapping[str, float]
    images: int
    missing: Mapping[str, str]

    @property
    def chain_ratio(self) -> float | None:
        """The parts measured alone, summed, over the chain."""
        return sum(self.parts.values()) / self.chain.total_ms if self.chain else None

    def as_data(self) -> dict[str, Any]:
        """The result for JSON; the units are in the names."""
        found = asdict(self)
        return found | {"chain_ratio": self.chain_ratio, "targets": [asdict(target) for target in targets(self)]}


def targets(result: ServiceResult) -> list[Target]:
    """Every target that this run could measure."""
    found = []
    for cell in result.cells:
        ratio = cell.ratio(OURS)
        name = f"{cell.kilobytes} KB, {cell.concurrency} at once"
        found.append(Target(name, f"floor / service at least {FLOOR_RATIO:.2f}", f"{ratio:.2f}", ratio >= FLOOR_RATIO))
    if result.cold:
        ready = median(start.ready_s for start in result.cold[OURS])
        found.append(Target("start to ready", f"at most {READY_S} s", f"{ready:.2f} s", ready <= READY_S))
    if result.events:
        first = median(start.answered_s for start in result.events)
        wanted = f"at most {FIRST_EVENT_S} s"
        found.append(Target("start to first event answered", wanted, f"{first:.2f} s", first <= FIRST_EVENT_S))
    if result.chain_ratio is not None:
        wanted, share = f"parts / chain at least {CHAIN_RATIO:.2f}", result.chain_ratio
        found.append(Target("chain on real servers", wanted, f"{share:.2f}", share >= CHAIN_RATIO))
    return found


def text(result: ServiceResult) -> str:
    """The whole result as Markdown tables."""
    lines = [f"{', '.join(result.machine)}. Model: {result.model}. Medians of {result.rounds} rounds in turns.", ""]
    lines += [f"Not measured: {what}: {why}" for what, why in result.missing.items()]
    lines += [*_throughput(result.cells), ""] if result.cells else []
    lines += [*_cold(result), ""] if result.cold else []
    lines += [*_chain(result.chain, result), ""] if result.chain else []
    rows = [(t.name, t.wanted, t.measured, "met" if t.met else "missed") for t in targets(result)]
    return "\n".join([*lines, *table(("target", "wanted (CPU)", "measured", ""), rows)])


def _throughput(cells: Sequence[Cell]) -> list[str]:
    rows: list[Sequence[str]] = []
    for cell in cells:
        head = (f"{cell.kilobytes} KB", str(cell.concurrency))
        rows.append((*head, "bare loop", f"{cell.floor_ms():.2f}", "1.00", "", "", ""))
        for name in cell.samples:
            cpu, rate, p50, p99 = (cell.median(name, what) for what in ("cpu_ms", "rate", "p50_ms", "p99_ms"))
            figures = (f"{cpu:.2f}", f"{cell.ratio(name):.2f}", f"{rate:.0f}", f"{p50:.1f}", f"{p99:.1f}")
            rows.append((*head, name, *figures))
    heads = ("film", "at once", "server", "CPU ms / image", "floor / CPU", "images / s", "p50 ms", "p99 ms")
    return table(heads, rows)


def _cold(result: ServiceResult) -> list[str]:
    rows = []
    for name, starts in result.cold.items():
        ready, answered = (f"{median(getattr(s, what) for s in starts):.2f}" for what in ("ready_s", "answered_s"))
        event = f"{median(s.answered_s for s in result.events):.2f}" if name == OURS and result.events else ""
        rows.append((name, ready, answered, event))
    return table(
        ("CPU seconds from the start", "to ready", "to a first image scored", "to a first event answered"), rows
    )


def _chain(chain: ChainCost, result: ServiceResult) -> list[str]:
    processes: Iterable[Sequence[str]] = (
        (name, f"{value:.1f}", f"{chain.idle[name]:.1f}") for name, value in chain.processes.items()
    )
    total = ("the chain", f"{chain.total_ms:.1f}", f"{sum(chain.idle.values()):.1f}")
    parts = [(name, f"{value:.1f}") for name, value in result.parts.items()]
    steps = [(name, f"{value:.2f}") for name, value in chain.steps.items()]
    rest = chain.processes["service"] - sum(chain.steps.values())
    return [
        *table(("process", "CPU ms / image", "idle, CPU ms / s"), [*processes, total]),
        "",
        *table(("part alone", "CPU ms / image"), [*parts, ("the parts", f"{sum(result.parts.values()):.1f}")]),
        "",
        *table(("step of the service", "CPU ms / image"), [*steps, ("all around them", f"{rest:.2f}")]),
    ]
