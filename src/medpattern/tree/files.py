"""What lies in the rendered tree."""

from __future__ import annotations

import os
from pathlib import Path

from medpattern.tree.receipt import RECEIPT


def files_in(folder: Path) -> set[str]:
    """Every file and link below `folder`, relative to it, with forward slashes."""
    found: set[str] = set()
    todo = [""]
    while todo:
        inside = todo.pop()
        try:
            entries = os.scandir(f"{folder}/{inside}")
        except (FileNotFoundError, NotADirectoryError):
            return found
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(f"{inside}{entry.name}/")
                else:
                    found.add(inside + entry.name)
    return found


def cluster_folders(tree: Path) -> list[str]:
    """The names of the folders in `tree` that hold a receipt, sorted; others are not ours."""
    if not tree.is_dir():
        return []
    return sorted(path.name for path in tree.iterdir() if (path / RECEIPT).is_file())
