"""Real Helm, every way it is at hand: the Go engine in helm-python-sdk, and a `helm` on PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python

from medpattern.charts.generator import GeneratedChart
from medpattern.documents.file import lay_out
from medpattern.documents.reader import parse_stream
from medpattern.documents.scalars import MAX_EXACT_INTEGER
from medpattern.fleet.merge import merge

NAMESPACE = "ward-7"
Objects = dict[tuple[str, str, str, str], Any]


class RefusedError(Exception):
    """Helm refused the chart or the values; the text is its own."""


@dataclass(frozen=True)
class Override:
    """One `--set` (or, with `as_text`, `--set-string`) of the command line."""

    expression: str
    as_text: bool = False


class Sdk:
    """helm-python-sdk."""

    name = "sdk"

    def template(self, folder: Path, overrides: Iterable[Override] = ()) -> str:
        """What `helm template` prints."""
        try:
            with helm_python.Chart.load(str(folder)) as chart:
                made = chart.render(merged_overrides(overrides), name="law", namespace=NAMESPACE)
        except helm_python.HelmError as error:
            raise RefusedError(str(error)) from error
        return "\n---\n".join(text for name, text in sorted(made.items()) if not name.endswith("NOTES.txt"))

    def complaints(self, folder: Path) -> list[str]:
        """What `helm lint` says above INFO."""
        report = helm_python.lint(str(folder), namespace=NAMESPACE)
        return [message["error"] for message in report["messages"] if message["severity"] not in (1, "INFO")] + report[
            "errors"
        ]


class Binary:
    """The `helm` on PATH."""

    name = "binary"

    def __init__(self, path: str) -> None:
        self.path = path

    def template(self, folder: Path, overrides: Iterable[Override] = ()) -> str:
        """What `helm template` prints."""
        flags = []
        for override in overrides:
            flags += ["--set-string" if override.as_text else "--set", override.expression]
        done = self._run("template", "law", str(folder), "--namespace", NAMESPACE, *flags)
        if done.returncode:
            raise RefusedError(done.stderr)
        return done.stdout

    def complaints(self, folder: Path) -> list[str]:
        """What `helm lint` says above INFO."""
        done = self._run("lint", str(folder), "--namespace", NAMESPACE)
        lines = (done.stdout + done.stderr).splitlines()
        found = [line for line in lines if line.startswith(("[WARNING]", "[ERROR]", "Error:"))]
        return found or ([done.stderr] if done.returncode else [])

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.path, *words], capture_output=True, text=True)


_found = shutil.which("helm")
ENGINES: list[Sdk | Binary] = [Sdk(), *([Binary(_found)] if _found else [])]


def merged_overrides(overrides: Iterable[Override]) -> dict[str, Any]:
    """The values that Helm's own parser makes of overrides."""
    values: dict[str, Any] = {}
    for override in overrides:
        parse = helm_python.parse_set_string_values if override.as_text else helm_python.parse_set_string
        values = merge(values, parse(override.expression))
    return values


@contextmanager
def on_disk(files: Mapping[str, bytes], name: str) -> Iterator[Path]:
    """A folder called `name` that holds `files`."""
    with tempfile.TemporaryDirectory(prefix="medpattern-law-") as parent:
        folder = Path(parent) / name
        lay_out(folder, files)
        yield folder


def contents(chart: GeneratedChart) -> dict[str, bytes]:
    """The bytes of a generated chart by file name."""
    return {name: file.content for name, file in chart.files.items()}


def keyed(objects: Iterable[Any]) -> Objects:
    """Objects by what tells them apart in a cluster; numbers as JSON knows them."""
    found: Objects = {}
    for item in objects:
        metadata = item["metadata"]
        key = (item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"])
        assert key not in found, f"{key} twice"
        found[key] = _canonical(item)
    return found


def parsed(text: str) -> Objects:
    """The objects in what `helm template` prints, keyed."""
    return keyed(document.data for document in parse_stream("helm", text) if document.data is not None)


def differences(real: Objects, hydrated: Objects) -> dict[Any, tuple[Any, Any]]:
    """The objects that are not equal, or that one side lacks: (Helm's, ours) by key."""
    return {
        key: (real.get(key), hydrated.get(key))
        for key in real.keys() | hydrated.keys()
        if json.dumps(real.get(key), sort_keys=True) != json.dumps(hydrated.get(key), sort_keys=True)
    }


def _canonical(value: Any) -> Any:
    """JSON has one kind of number: 3.0 is 3, and past 2^53 all are doubles; true is no 1."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else number
    return value
