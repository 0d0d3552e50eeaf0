"""The results of a benchmark as data and as tables, with the targets and whether they were met."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.benchmarks.measure import Job

COLD_RATIO, COLD_RATIO_AIM = 12.0, 25.0  # times less processor time than Kapitan
NO_OP_S, NO_OP_FILES = 0.15, 7200  # user seconds for so many files
ONE_CHANGED_S, HELP_S = 0.25, 0.10  # user seconds
VALIDATE_RATIO, VALIDATE_AGAIN_S = 3.0, 0.5  # seconds against a cold render; user seconds
PEAK_MB, PEAK_CLUSTERS = 300.0, 1000  # resident memory, decimal megabytes
LINEAR = 1.25  # cost of one more cluster in the largest fleet against the smallest


@dataclass(frozen=True)
class Scale:
    """Cold renders of a fleet of `clusters` clusters."""

    clusters: int
    job: Job


@dataclass(frozen=True)
class Target:
    """One target: what is measured, the figure in words, and whether it is met."""

    name: str
    wanted: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Result:
    """One whole benchmark. `manifests`: objects of the fleet; `files`: files of the rendered tree."""

    shape: Mapping[str, int]
    manifests: int
    files: int
    compared_clusters: int
    machine: Sequence[str]
    jobs: Mapping[str, Job]
    scales: Sequence[Scale]

    def as_data(self) -> dict[str, Any]:
        """The result for JSON; times in seconds, memory in MB (1,000,000 bytes)."""
        return {
            "shape": dict(self.shape),
            "manifests": self.manifests,
            "files": self.files,
            "comparedClusters": self.compared_clusters,
            "machine": list(self.machine),
            "commands": {name: [asdict(usage) for usage in job.usages] for name, job in self.jobs.items()},
            "scaling": {str(s.clusters): [asdict(usage) for usage in s.job.usages] for s in self.scales},
            "targets": [asdict(target) for target in targets(self)],
        }


def targets(result: Result) -> list[Target]:
    """Every target that this run could measure."""
    found: list[Target] = []
    jobs = result.jobs
    cold = jobs["cold"].median("user_s")
    if "kapitan" in jobs:
        ratio = jobs["kapitan"].median("user_s") / cold
        wanted = f"at least {COLD_RATIO:.0f} x less than Kapitan (aim {COLD_RATIO_AIM:.0f} x)"
        found.append(Target("cold render", wanted, f"{ratio:.1f} x less", ratio >= COLD_RATIO))
    no_op_s = jobs["no-op"].median("user_s")
    for words, number in (("manifests", result.manifests), ("files of the tree", result.files)):
        seconds = no_op_s / max(1.0, number / NO_OP_FILES)
        wanted = f"at most {NO_OP_S:.2f} s for {NO_OP_FILES:,} {words}"
        found.append(Target("nothing changed", wanted, f"{seconds:.3f} s", seconds <= NO_OP_S))
    ratio = jobs["validate"].median("cpu_s") / jobs["cold"].median("cpu_s")
    wanted = f"at most {VALIDATE_RATIO:.0f} x a cold render, system time included"
    found.append(Target("validate", wanted, f"{ratio:.2f} x", ratio <= VALIDATE_RATIO))
    limits = (
        ("validate again", VALIDATE_AGAIN_S), ("one cluster changed", ONE_CHANGED_S), ("medpattern --help", HELP_S)
    )  # fmt: skip
    for name, limit in limits:
        seconds = jobs[name].median("user_s")
        found.append(Target(name, f"at most {limit:.2f} s", f"{seconds:.3f} s", seconds <= limit))
    if len(result.scales) >= 3:
        growth = _step(*result.scales[-2:]) / _step(*result.scales[:2])
        wanted = f"a further cluster costs at most {LINEAR:.2f} x as much in the largest fleet as in a small one"
        found.append(Target("linear", wanted, f"{growth:.2f} x", growth <= LINEAR))
    for scale in result.scales:
        if scale.clusters >= PEAK_CLUSTERS:
            peak = scale.job.median("peak_mb")
            found.append(Target("memory", f"below {PEAK_MB:.0f} MB", f"{peak:.0f} MB", peak < PEAK_MB))
    return found


def text(result: Result) -> str:
    """The whole result as Markdown tables."""
    shape = result.shape
    lines = [
        f"{shape['clusters']} clusters x {shape['apps']} applications x {shape['manifests']} manifests = "
        f"{result.manifests:,} manifests; medpattern's tree has {result.files:,} files.",
        f"{', '.join(result.machine)}. Medians of {shape['runs']} runs in turns.",
        f"Clusters whose objects were compared, Kapitan's with Helm's: {result.compared_clusters}.",
        "",
        *_commands(result),
        "",
        *_scaling(result.scales),
        *table(
            ("target", "wanted (user CPU)", "measured", ""),
            ((t.name, t.wanted, t.measured, "met" if t.met else "missed") for t in targets(result)),
        ),
    ]
    return "\n".join(lines)


def _commands(result: Result) -> list[str]:
    cold = result.jobs["cold"].median("user_s")
    rows = []
    for name, job in result.jobs.items():
        low, high = job.spread("user_s")
        user = job.median("user_s")
        system, wall, peak = (job.median(figure) for figure in ("system_s", "wall_s", "peak_mb"))
        row = (f"{user:.3f}", f"{low:.3f} - {high:.3f}", f"{system:.3f}", f"{wall:.2f}", f"{peak:.0f}")
        rows.append((LABELS.get(name, name), *row, f"{user / cold:.2f}"))
    heads = ("command", "user s", "min - max", "system s", "clock s", "peak MB", "user / cold")
    return table(heads, rows)


def _scaling(scales: Sequence[Scale]) -> list[str]:
    if not scales:
        return []
    rows = []
    for scale in scales:
        user, system, peak = (scale.job.median(figure) for figure in ("user_s", "system_s", "peak_mb"))
        each = f"{1000 * user / scale.clusters:.1f}"
        rows.append((f"{scale.clusters:,}", f"{user:.2f}", each, f"{system:.2f}", f"{peak:.0f}"))
    return [*table(("clusters, cold", "user s", "user ms / cluster", "system s", "peak MB"), rows), ""]


def _step(small: Scale, large: Scale) -> float:
    """User seconds of one more cluster between two sizes; the cost of starting falls out."""
    seconds = large.job.median("user_s") - small.job.median("user_s")
    return max(seconds, 1e-9) / (large.clusters - small.clusters)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table, its columns as wide as their widest cell."""
    body = [list(row) for row in rows]
    widths = [max(len(line[i]) for line in [list(heads), *body]) for i in range(len(heads))]
    lines = [list(heads), ["-" * width for width in widths], *body]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


LABELS = {
    "cold": "medpattern render, cold",
    "no-op": "medpattern render, nothing changed",
    "check": "medpattern render --check",
    "validate": "medpattern validate",
    "validate again": "medpattern validate, nothing changed",
    "one cluster changed": "medpattern render, one cluster changed",
    "kapitan": "kapitan compile",
    "helm": "Helm in process, all generated charts",
}
