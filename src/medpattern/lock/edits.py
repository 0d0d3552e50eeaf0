"""Edits of values files: planned as a whole, shown as a diff, written file by file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medpattern.documents.editing import set_values
from medpattern.errors import UsageError
from medpattern.findings import KeyPath
from medpattern.lock.pins import Setting
from medpattern.tree.write import replace


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file, relative to the repository, with its text before ("" if it is new) and after ("" if it goes)."""

    file: str
    old: str
    new: str

    def diff(self) -> str:
        """A unified diff, as `git diff` prints it; "" if nothing changes."""
        names = (f"a/{self.file}" if self.old else "/dev/null", f"b/{self.file}")
        lines = difflib.unified_diff(self.old.splitlines(True), self.new.splitlines(True), *names)
        return "".join(lines)


def plan_edits(root: Path, values: Mapping[Setting, str]) -> list[FileEdit]:
    """The edits that set `values`; files that would stay as they are have none.

    Raises:
        InputError: a file is no YAML document.
        UsageError: a value stands where only a person can edit it, or a file cannot be read.
    """
    by_file: dict[str, dict[KeyPath, str]] = {}
    for setting, value in values.items():
        by_file.setdefault(setting.file, {})[setting.path] = value
    found = []
    for file, wanted in sorted(by_file.items()):
        old = _read(root, file)
        new = set_values(file, old, wanted)
        if new != old:
            found.append(FileEdit(file, old, new))
    return found


def write_edits(root: Path, edits: Sequence[FileEdit]) -> None:
    """Writes each file atomically; one whose new text is empty goes.

    Raises:
        UsageError: a file has changed since it was read, or cannot be written.
    """
    for edit in edits:
        if _read(root, edit.file) != edit.old:
            raise UsageError(f"{edit.file} has changed meanwhile; run the command again")
    for edit in edits:
        try:
            if not edit.new:
                (root / edit.file).unlink()
                continue
            replace(str(root / edit.file), edit.new.encode())
        except OSError as error:
            raise UsageError(f"{root / edit.file}: {error.strerror}") from error


def _read(root: Path, file: str) -> str:
    try:
        return (root / file).read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{root / file}: {error}") from error
