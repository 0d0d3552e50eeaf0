"""Reading the files of a values repository: each once, with findings instead of exceptions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from medpattern.documents.reader import Document, parse_file
from medpattern.documents.scalars import MAX_EXACT_INTEGER, UNSAFE
from medpattern.documents.validation import Schema
from medpattern.errors import InputError, UsageError
from medpattern.findings import Finding, KeyPath, dotted


@lru_cache(maxsize=2)
def schema_text(name: str) -> str:
    """The JSON Schema `values` or `cluster` as it ships with medpattern."""
    return resources.files("medpattern.fleet").joinpath(f"schemas/{name}.schema.json").read_text("utf-8")


@lru_cache(maxsize=2)
def schema(name: str) -> Schema:
    """The compiled form of `schema_text`."""
    return Schema(json.loads(schema_text(name)))


class Repository:
    """The folder `root`, read-only. `files` holds the sha256 of every file asked for; "" = not there.
    `dropped` has the paths of each file that break the schema and are left out of its data.

    File names are relative to `root`, with forward slashes, so that they mean the same on every machine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.dropped: dict[str, tuple[KeyPath, ...]] = {}
        self.unreadable: set[str] = set()
        self._documents: dict[str, Document | None] = {}

    def read(self, file: str) -> bytes | None:
        """The content of `file`, or None; either way the answer is noted as an input."""
        try:
            content = (self.root / file).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            self.files[file] = ""
            return None
        except OSError as error:
            raise UsageError(f"{self.root / file}: {error.strerror}") from error
        self.files[file] = sha256(content).hexdigest()
        return content

    def document(self, file: str, kind: str = "values") -> Document | None:
        """The YAML map in `file`, checked against the schema `kind`; None if absent or unreadable."""
        if file not in self._documents:
            self._documents[file] = self._load(file, kind)
        return self._documents[file]

    def _load(self, file: str, kind: str) -> Document | None:
        content = self.read(file)
        if content is None:
            return None
        try:
            document = parse_file(file, content)
        except InputError as error:
            self.findings += error.findings
            self.unreadable.add(file)
            return None
        if document.data is None:
            return Document(file, {}, document.text)
        if not isinstance(document.data, dict):
            self.report(document, (), "wrong-type", "a values file is a map of keys", "write 'key: value' lines")
            self.unreadable.add(file)
            return None
        violations = schema(kind).violations(document.data)
        for violation in violations:
            self.report(document, violation.path, violation.code, violation.message, violation.cure)
        problems = list(scalar_problems(document.data))
        for path, code, message, cure in problems:
            self.report(document, path, code, message, cure)
        # What breaks the schema is left out from here on, so that the rest can still be checked.
        sound = document.data
        lost = [*(violation.path for violation in violations), *(problem[0] for problem in problems)]
        for path in lost:
            sound = _without(sound, path)
        if lost:
            self.dropped[file] = tuple(lost)
        return document if sound is document.data else Document(file, sound, document.text)

    def report(self, document: Document, path: KeyPath, code: str, message: str, cure: str = "") -> None:
        """Notes an error at `path` of `document`."""
        self.findings.append(Finding(code, message, document.place(path), dotted(path), cure))


def scalar_problems(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str, str, str]]:
    """(path, code, message, cure) of scalars that YAML, JSON and Helm do not carry alike."""
    if isinstance(data, dict):
        for key, item in data.items():
            yield from scalar_problems(key, (*path, key))
            yield from scalar_problems(item, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from scalar_problems(item, (*path, index))
    elif isinstance(data, str):
        match = UNSAFE.search(data)
        if match:
            message = f"the character U+{ord(match[0]):04X} is read differently by different programs"
            yield path, "unsafe-character", message, "remove it"
    elif isinstance(data, float) and not math.isfinite(data):
        yield path, "not-finite", f"{data} does not exist in JSON", "use a number"
    elif isinstance(data, int) and abs(data) > MAX_EXACT_INTEGER:
        message = f"{data} is beyond 2^53 and would not stay exact in JSON"
        yield path, "integer-too-large", message, "quote it, if it is meant as text"


def _without(data: Any, path: KeyPath) -> Any:
    """`data` without what stands at `path`; items of lists become null, so that the others keep their place."""
    key, rest = (path[0], path[1:]) if path else (None, ())
    if isinstance(data, dict) and key in data:
        if rest:
            return {**data, key: _without(data[key], rest)}
        return {name: item for name, item in data.items() if name != key}
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        changed = _without(data[key], rest) if rest else None
        return [*data[:key], changed, *data[key + 1 :]]
    return data
