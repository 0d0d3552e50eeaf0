"""Carries a Plan out: each file replaced atomically, receipts last, emptied folders removed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from medpattern.charts.generator import File
from medpattern.errors import UsageError
from medpattern.tree.plan import Action, Entry
from medpattern.tree.receipt import RECEIPT


def carry_out(tree: Path, entries: Iterable[Entry], files: Mapping[str, File]) -> None:
    """Writes and deletes what `entries` say below `tree`; `files` are by the entries' paths.

    Interrupted anywhere, every file is either old or new and complete, and since receipts are written
    last the next render finds what is missing.

    Raises:
        UsageError: the tree cannot be written.
    """
    todo = [entry for entry in entries if entry.action in (Action.CREATE, Action.UPDATE, Action.DELETE)]
    made: set[Path] = set()
    try:
        for entry in sorted(todo, key=_receipts_last):
            path = tree / entry.path
            if entry.action is Action.DELETE:
                path.unlink(missing_ok=True)
                _remove_empty(path.parent, tree)
                continue
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            replace(path, files[entry.path].content)
    except OSError as error:
        raise UsageError(f"{error.filename or tree}: {error.strerror}") from error


def replace(path: Path, content: bytes) -> None:
    """Writes `content` to a new file beside `path` and renames it over it."""
    descriptor, name = tempfile.mkstemp(prefix=".medpattern-", dir=path.parent)
    try:
        _write_all(descriptor, content)
        os.fchmod(descriptor, 0o644)
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    os.close(descriptor)
    os.replace(name, path)  # noqa: PTH105


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _receipts_last(entry: Entry) -> tuple[bool, str]:
    return entry.path.endswith(f"/{RECEIPT}"), entry.path


def _remove_empty(folder: Path, tree: Path) -> None:
    while folder != tree and tree in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
