"""The lock file: what each pinned name stood for when a registry, Helm repository or git server was last asked.

values/lock.yaml, a file that people review and never edit:

    version: 1
    pins:
      - kind: chart
        repository: https://strimzi.io/charts/
        name: strimzi-kafka-operator
        version: 1.2.0
        resolved: sha256:...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medpattern.documents.reader import parse_file
from medpattern.documents.validation import Schema
from medpattern.documents.writer import dump
from medpattern.errors import InputError
from medpattern.findings import Finding, dotted
from medpattern.fleet.places import join
from medpattern.lock.pins import Pin, PinKind

LOCK = "lock.yaml"
_HEADER = (
    "# What each version, git revision and tag of this fleet stands for. Written by 'medpattern lock', never by hand.\n"
)
_RESOLVED = {
    PinKind.CHART: r"^sha256:[0-9a-f]{64}$",
    PinKind.IMAGE: r"^sha256:[0-9a-f]{64}$",
    PinKind.GIT: r"^([0-9a-f]{40}|[0-9a-f]{64})$",
}
_TEXT = {"type": "string", "minLength": 1}


def _entry(kind: PinKind) -> dict[str, Any]:
    chart = {"name": _TEXT} if kind is PinKind.CHART else {}
    properties = {
        "kind": {"const": str(kind)},
        "repository": _TEXT,
        **chart,
        "version": _TEXT,
        "wanted": _TEXT,
        "resolved": {"type": "string", "pattern": _RESOLVED[kind]},
    }
    needed = [name for name in properties if name != "wanted"]
    return {"type": "object", "additionalProperties": False, "required": needed, "properties": properties}


_SCHEMA = Schema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "pins"],
        "properties": {
            "version": {"const": 1},
            "pins": {"type": "array", "items": {"oneOf": [_entry(kind) for kind in PinKind]}},
        },
    }
)


@dataclass(frozen=True, slots=True)
class Locked:
    """What a pin stood for: a sha256 digest or a git commit; `wanted` is the range that its version came from."""

    resolved: str
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock file `file`, relative to the repository."""

    file: str
    pins: Mapping[Pin, Locked] = field(default_factory=dict)

    def text(self) -> str:
        """The file's content: entries in order, the same for the same pins."""
        entries = []
        for pin in sorted(self.pins):
            locked = self.pins[pin]
            name = {"name": pin.name} if pin.name else {}
            wanted = {"wanted": locked.wanted} if locked.wanted else {}
            entry = {"kind": str(pin.kind), "repository": pin.repository, **name, "version": pin.version}
            entries.append({**entry, **wanted, "resolved": locked.resolved})
        return dump({"version": 1, "pins": entries}, header=_HEADER)


def read_lock(root: Path, values_folder: str) -> Lock:
    """The lock beside the values files of the repository at `root`; an empty one if there is none.

    Raises:
        InputError: it is no lock file; all findings are in it.
    """
    file = join(values_folder, LOCK)
    path = root / file
    if not path.is_file():
        return Lock(file)
    document = parse_file(file, path.read_bytes())
    violations = _SCHEMA.violations(document.data)
    if violations:
        cure = "restore it from git, or remove it and run 'medpattern lock --update'"
        raise InputError(
            [
                Finding("lock-file", one.message, document.place(one.path), dotted(one.path), one.cure or cure)
                for one in violations
            ]
        )
    pins = {}
    for entry in document.data["pins"]:
        pin = Pin(PinKind(entry["kind"]), entry["repository"], entry.get("name", ""), entry["version"])
        pins[pin] = Locked(entry["resolved"], entry.get("wanted", ""))
    return Lock(file, pins)
