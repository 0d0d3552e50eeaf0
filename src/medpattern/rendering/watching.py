"""Waiting for inputs to change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medpattern.errors import UsageError


def changes(root: Path, tree: Path) -> Iterator[list[str]]:
    """An empty list at once, then the files below `root` that were saved, each time some were.

    The rendered tree, hidden folders and editors' temporary files are left out.

    Raises:
        UsageError: the extra [watch] is not installed.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise UsageError("--watch needs watchfiles: pip install 'medpattern[watch]'") from error

    top, out = root.resolve(), tree.resolve()

    def wanted(_change: object, name: str) -> bool:
        path = Path(name)
        if path.is_relative_to(out) or not path.is_relative_to(top):
            return False
        parts = path.relative_to(top).parts
        return not any(part.startswith(".") or part.endswith(("~", ".swp", ".tmp")) for part in parts)

    yield []
    for batch in watchfiles.watch(top, watch_filter=wanted, debounce=200, step=50):
        yield sorted({Path(name).relative_to(top).as_posix() for _, name in batch})
