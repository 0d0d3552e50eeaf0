"""Carries a Plan out: each file replaced atomically, receipts last, emptied folders removed."""

from __future__ import annotations

import contextlib
import os
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
    made: set[str] = set()
    try:
        for entry in sorted(todo, key=_receipts_last):
            if entry.action is Action.DELETE:
                path = tree / entry.path
                path.unlink(missing_ok=True)
                _remove_empty(path.parent, tree)
                continue
            folder = f"{tree}/{entry.path.rpartition('/')[0]}"
            if folder not in made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                made.add(folder)
            replace(f"{tree}/{entry.path}", files[entry.path].content)
    except OSError as error:
        raise UsageError(f"{error.filename or tree}: {error.strerror}") from error


def replace(path: str, content: bytes) -> None:
    """Writes `content` to a new file beside `path` and renames it over it."""
    folder, _, name = path.rpartition("/")
    # Ends in .tmp, so that Argo CD would not take a leftover for a manifest.
    temporary = f"{folder or '.'}/.{name}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        _write_all(descriptor, content)
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    os.close(descriptor)
    os.replace(temporary, path)  # noqa: PTH105


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
