"""Reading the files of a values repository: each once, with findings instead of exceptions."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from medpattern.documents.reader import Document, parse_file
from medpattern.documents.validation import Schema
from medpattern.errors import InputError, UsageError
from medpattern.findings import Finding, KeyPath, dotted

GLOBAL_FILE = "values-global.yaml"


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

    File names are relative to `root`, with forward slashes, so that they mean the same on every machine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, str] = {}
        self.findings: list[Finding] = []
        self._documents: dict[str, Document | None] = {}

    def read(self, file: str) -> bytes | None:
        """The content of `file`, or None; either way the answer is noted as an input."""
        try:
            content = (self.root / file).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            self.files[file] = ""
            return None
        except IsADirectoryError as error:
            raise UsageError(f"{self.root / file} is a folder, a file was expected") from error
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
            return None
        if document.data is None:
            return Document(file, {}, document.root)
        if not isinstance(document.data, dict):
            self.report(document, (), "wrong-type", "a values file is a map of keys", "write 'key: value' lines")
            return None
        for violation in schema(kind).violations(document.data):
            self.report(document, violation.path, violation.code, violation.message, violation.cure)
        return document

    def report(self, document: Document, path: KeyPath, code: str, message: str, cure: str = "") -> None:
        """Notes an error at `path` of `document`."""
        self.findings.append(Finding(code, message, document.place(path), dotted(path), cure))


def find_values(root: Path, chosen: str | None, read: Any) -> str:
    """The folder of the values files, relative to `root`: "values", "." or "variants/<variant>".

    Args:
        root: the repository.
        chosen: what the person gave as --values, if anything.
        read: `Repository.document`, to look up main.variant.

    Raises:
        UsageError: there is no values-global.yaml in any of them.
    """
    if chosen is not None:
        if not (root / chosen / GLOBAL_FILE).is_file():
            raise UsageError(f"{Path(chosen) / GLOBAL_FILE}: no such file below {root}")
        return Path(chosen).as_posix()
    for folder in ("values", "."):
        if not (root / folder / GLOBAL_FILE).is_file():
            continue
        document = read(join(folder, GLOBAL_FILE))
        main = document.data.get("main") if document else None
        variant = main.get("variant") if isinstance(main, dict) else None
        inside = f"variants/{variant}"
        return inside if variant and (root / inside / GLOBAL_FILE).is_file() else folder
    raise UsageError(
        f"no {GLOBAL_FILE} in {root} or {root / 'values'}; go to a repository, name it with --root, "
        "or make one with 'medpattern init DIR'"
    )


def facts_files(root: Path, folder: str) -> dict[str, str]:
    """The facts file of each cluster by its name, sorted; empty if there is no such folder."""
    directory = root / folder
    files = sorted(path.name for path in directory.glob("*.y*ml")) if directory.is_dir() else ()
    return {file.rpartition(".")[0]: join(folder, file) for file in files}


def join(folder: str, file: str) -> str:
    """`folder/file` relative to the root, without "./"."""
    return file if folder in (".", "") else f"{folder}/{file}"
