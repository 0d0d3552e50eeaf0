"""Proof that both tools made the same objects, so that the comparison of their cost is fair.

`python -m tests.benchmarks.compare WORK MANIFESTS CLUSTER ...` prints the differences and ends with 1 if
there are any. It is a process of its own for the reason that `generate` is one.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tests.benchmarks import helm_side, kapitan_side, medpattern_side

Objects: TypeAlias = dict[tuple[str, str, str], Any]  # (application, kind, name) -> object


def differences(medpattern_root: Path, kapitan_root: Path, clusters: Sequence[str], manifests: int) -> list[str]:
    """What differs between Kapitan's objects and those Helm makes of medpattern's charts, one line each.

    `manifests` is the number of objects expected for one cluster.
    """
    lines: list[str] = []
    for cluster in clusters:
        ours: Objects = {}
        for _, application, folder in medpattern_side.rendered_charts(medpattern_root, [cluster]):
            ours.update(_parsed(application, helm_side.rendered(folder, application)))
        theirs: Objects = {}
        for application, text in kapitan_side.compiled(kapitan_root, cluster):
            theirs.update(_parsed(application, [text]))
        for name, objects in (("medpattern", ours), ("kapitan", theirs)):
            if len(objects) != manifests:
                lines.append(f"{cluster}: {name} made {len(objects)} objects, expected {manifests}")
        lines += [
            f"{cluster}: {'/'.join(key)}: {detail}"
            for key in sorted(ours.keys() | theirs.keys())
            for detail in _difference(ours.get(key), theirs.get(key), "")
        ]
    return lines


def command(work: Path, manifests: int, clusters: Sequence[str]) -> list[str]:
    """How the comparison is started, in the folder that holds the package `tests`."""
    return [sys.executable, "-m", "tests.benchmarks.compare", str(work), str(manifests), *clusters]


def main() -> int:
    """Compare what lies in WORK/medpattern and WORK/kapitan."""
    work, manifests, clusters = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    lines = differences(work / "medpattern", work / "kapitan", clusters, manifests)
    print("\n".join(lines[:40]))
    print(f"{len(lines)} differences in what the tools made of {len(clusters)} clusters")
    return 1 if lines else 0


def _parsed(application: str, texts: Iterable[str]) -> Objects:
    objects: Objects = {}
    for text in texts:
        for item in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if item is not None:
                objects[application, item["kind"], item["metadata"]["name"]] = item
    return objects


def _difference(ours: Any, theirs: Any, path: str) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(ours.keys() | theirs.keys())
        return [line for k in keys for line in _difference(ours.get(k), theirs.get(k), f"{path}.{k}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [line for i, (a, b) in pairs for line in _difference(a, b, f"{path}[{i}]")]
    same = ours == theirs and type(ours) is type(theirs)
    return [] if same else [f"{path or '.'} is {_short(ours)} in medpattern, {_short(theirs)} in kapitan"]


def _short(value: Any) -> str:
    """A value for a message of one line."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."


if __name__ == "__main__":
    sys.exit(main())
