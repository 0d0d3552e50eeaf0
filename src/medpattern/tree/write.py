"""Carries a Plan out: each file replaced atomically, receipts last, emptied folders removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from medpattern.documents.file import File
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
        todo = _without_new_folders(tree, todo, files)
        for entry in sorted(todo, key=_receipts_last):
            if entry.action is Action.DELETE:
                path = tree / entry.path
                _refuse_links(tree, str(path.parent))
                path.unlink(missing_ok=True)
                _remove_empty(path.parent, tree)
                continue
            folder = f"{tree}/{entry.path.rpartition('/')[0]}"
            if folder not in made:
                _refuse_links(tree, folder)
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                made.add(folder)
            replace(f"{tree}/{entry.path}", files[entry.path].content)
    except OSError as error:
        raise UsageError(f"{error.filename or tree}: {error.strerror}") from error


def _without_new_folders(tree: Path, todo: list[Entry], files: Mapping[str, File]) -> list[Entry]:
    """Writes the folders of new clusters whole, each renamed into place at once; returns what is left."""
    new: dict[str, list[Entry]] = {}
    rest = []
    for entry in todo:
        cluster = entry.path.partition("/")[0]
        if cluster in new or not (tree / cluster).exists():
            new.setdefault(cluster, []).append(entry)
        else:
            rest.append(entry)
    for cluster, entries in new.items():
        tree.mkdir(parents=True, exist_ok=True)
        base = tempfile.mkdtemp(prefix=f".{cluster}.", suffix=".tmp", dir=tree)
        try:
            made = {""}
            for entry in entries:
                name = entry.path.partition("/")[2]
                folder = name.rpartition("/")[0]
                if folder not in made:
                    os.makedirs(f"{base}/{folder}", exist_ok=True)  # noqa: PTH103
                    made.add(folder)
                descriptor = os.open(f"{base}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                try:
                    _write_all(descriptor, files[entry.path].content)
                finally:
                    os.close(descriptor)
            os.chmod(base, 0o755)  # noqa: PTH101, S103  mkdtemp makes it private; a tree in git is not
            os.rename(base, tree / cluster)  # noqa: PTH104
        except BaseException:
            shutil.rmtree(base, ignore_errors=True)
            raise
    return rest


def _refuse_links(tree: Path, folder: str) -> None:
    """A linked folder would lead the writer out of the tree."""
    inside = os.path.relpath(folder, tree)
    if os.path.realpath(folder) != os.path.normpath(os.path.join(os.path.realpath(tree), inside)):  # noqa: PTH118
        raise UsageError(f"{folder} is or lies below a link; the rendered tree has none: remove it and render again")


def replace(path: str, content: bytes) -> None:
    """Writes `content` to a new file beside `path` and renames it over it."""
    folder, _, name = path.rpartition("/")
    # Ends in .tmp, so that Argo CD would not take a leftover for a manifest.
    temporary = f"{folder or '.'}/.{name}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        try:
            _write_all(descriptor, content)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


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
