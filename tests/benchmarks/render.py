"""What rendering a fleet costs: `python -m tests.benchmarks.render --clusters 100 --apps 12 --manifests 6`.

Generates a fleet, checks that all tools make the same objects of it, measures them in turns, and prints
medians, ratios and how they stand to the targets. Exit code 0 also when a target is missed.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import compare, fleet, helm_side, kapitan_side, medpattern_side, report
from tests.benchmarks.measure import CommandError, Job, measure
from tests.benchmarks.report import Result, Scale

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 8  # clusters whose objects are compared; neighbours, so both groups and the odd structure are in


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    clusters: int
    apps: int
    manifests: int
    runs: int
    peers: tuple[str, ...]
    scale: tuple[int, ...]
    kapitan: str
    work: Path


def main() -> int:
    """Parse the command line, measure and print."""
    options, output = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="medpattern-bench-", dir=options.work) as folder:
        try:
            result = bench(options, Path(folder))
        except CommandError as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(result.as_data(), indent=2) if output == "json" else report.text(result))
    return 0


def bench(options: Options, work: Path) -> Result:
    """Measure everything below the empty folder `work`."""
    built = fleet.build(options.clusters, options.apps, options.manifests)
    _say(f"generating {built.objects:,} manifests on {options.clusters} clusters")
    _generate(options, options.clusters, work)
    jobs = _jobs(options, built, work)
    _say("warm-up, and comparing the objects")
    for name in ("cold", "kapitan"):
        if name in jobs:
            jobs[name].prepare(0)
            measure(jobs[name].command, jobs[name].folder, jobs[name].environment)
    compared = _compare(options, built, work)
    files = sum(1 for path in (work / "medpattern" / "rendered").rglob("*") if path.is_file())
    _in_turns(list(jobs.values()), options.runs)
    scales = [_scale(options, clusters, work) for clusters in options.scale]
    return Result(
        shape={name: getattr(options, name) for name in ("clusters", "apps", "manifests", "runs")},
        manifests=built.objects,
        files=files,
        compared_clusters=compared,
        machine=_machine(options),
        jobs=jobs,
        scales=scales,
    )


def _jobs(options: Options, built: fleet.Fleet, work: Path) -> dict[str, Job]:
    """The measured commands in the order of a round: each finds the tree that the one before left."""
    root, kapitan_root = work / "medpattern", work / "kapitan"
    cache = work / "cache"
    environment = medpattern_side.environment(cache)
    edited = built.clusters[len(built.clusters) // 2]

    def nothing(number: int) -> None: ...

    def ours(name: str, prepare: Callable[[int], None], *arguments: str) -> Job:
        # The generated fleet is no working one: validate finds errors in it.
        codes = (0, 1) if "validate" in arguments else (0,)
        return Job(name, medpattern_side.command(*arguments), root, environment, prepare, codes)

    jobs = [
        ours("medpattern --help", nothing, "--help"),
        ours("cold", lambda number: _clean(root / "rendered", cache), "render"),
        ours("no-op", nothing, "render"),
        ours("validate", lambda number: _clean(cache), "validate"),
        ours("validate again", nothing, "validate"),
        ours("check", nothing, "render", "--check"),
        ours("one cluster changed", lambda number: medpattern_side.change(edited, root, number), "render"),
    ]
    if "kapitan" in options.peers:
        command = kapitan_side.command(options.kapitan)
        jobs.append(
            Job(
                "kapitan",
                command,
                kapitan_root,
                kapitan_side.environment(work),
                lambda number: _clean(kapitan_root / "compiled"),
            )
        )
    if "helm" in options.peers:
        jobs.append(Job("helm", helm_side.command(root), PACKAGE_ROOT))
    return {job.name: job for job in jobs}


def _compare(options: Options, built: fleet.Fleet, work: Path) -> int:
    """Compare a sample of clusters; returns how many were compared."""
    if set(options.peers) != {"kapitan", "helm"}:
        return 0
    sample = [cluster.name for cluster in built.clusters[:SAMPLE]]
    expected = len(built.applications) * built.manifests
    measure(compare.command(work, expected, sample), PACKAGE_ROOT)
    return len(sample)


def _in_turns(jobs: Sequence[Job], runs: int) -> None:
    for number in range(1, runs + 1):
        for job in jobs:
            _say(f"run {number} of {runs}: {job.name}")
            job.run(number)


def _scale(options: Options, clusters: int, work: Path) -> Scale:
    """Cold renders of a fleet of another size."""
    folder, cache = work / f"scale-{clusters}", work / "scale-cache"
    _generate(options, clusters, folder)
    root = folder / "medpattern"
    job = Job(
        f"cold, {clusters} clusters",
        medpattern_side.command("render"),
        root,
        medpattern_side.environment(cache),
        lambda number: _clean(root / "rendered", cache),
    )
    for number in range(1, options.runs + 1):
        _say(f"run {number} of {options.runs}: {job.name}")
        job.run(number)
    shutil.rmtree(folder)
    return Scale(clusters, job)


def _generate(options: Options, clusters: int, folder: Path) -> None:
    shape = ["--clusters", str(clusters), "--apps", str(options.apps), "--manifests", str(options.manifests)]
    command = [sys.executable, "-m", "tests.benchmarks.generate", str(folder), *shape]
    measure(command, PACKAGE_ROOT)


def _clean(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _machine(options: Options) -> list[str]:
    """Words for the machine and the versions, without any name of a host or a folder."""
    words = [f"{os.cpu_count()} cores", f"{platform.system()} {platform.machine()}"]
    words.append(f"Python {platform.python_version()}")
    if "kapitan" in options.peers:
        words.append(f"Kapitan {_printed([options.kapitan, '--version'])}")
    if "helm" in options.peers:
        words.append(_printed(helm_side.command("--version")))
    return words


def _work_folder() -> Path:
    """A folder in memory where there is room for the largest fleet, so that no disk is measured."""
    memory = Path("/dev/shm")  # noqa: S108
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    return memory if roomy and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def _printed(command: Sequence[str]) -> str:
    return subprocess.run(command, cwd=PACKAGE_ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _options() -> tuple[Options, str]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--apps", type=int, default=12, help="applications on each cluster")
    parser.add_argument("--manifests", type=int, default=6, help="objects in each application, 1 to 8")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each command, in turns")
    parser.add_argument("--peers", default="kapitan,helm", help="what to compare with; empty for nothing")
    parser.add_argument("--scale", default="10,100,1000", help="fleet sizes of the scaling table")
    parser.add_argument("--kapitan", default=shutil.which("kapitan"), help="the program, if not on PATH")
    parser.add_argument("--work", type=Path, default=_work_folder(), help="where to work (1 GB)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    peers = tuple(name for name in given.peers.split(",") if name)
    if unknown := set(peers) - {"kapitan", "helm"}:
        parser.error(f"--peers knows kapitan and helm, not {', '.join(sorted(unknown))}")
    if "kapitan" in peers and not given.kapitan:
        parser.error("no kapitan on PATH: give --kapitan PATH, or --peers helm")
    options = Options(
        clusters=given.clusters,
        apps=given.apps,
        manifests=given.manifests,
        runs=given.runs,
        peers=peers,
        scale=tuple(int(size) for size in given.scale.split(",") if size),
        kapitan=str(Path(given.kapitan).absolute()) if given.kapitan else "",
        work=given.work.absolute(),
    )
    return options, given.output


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
