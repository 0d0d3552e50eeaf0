"""Waiting for inputs to change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medpattern.errors import UsageError


def changes(root: Path, tree: Path, facts: str | None = None) -> Iterator[list[str]]:
    """An empty list at once, then the inputs that were saved, each time some were.

    The rendered tree, hidden folders and editors' temporary files are left out.

    Args:
        root: the repository.
        tree: the rendered tree.
        facts: folder of the clusters' facts, relative to `root`, if one was named; may lie outside.

    Raises:
        UsageError: the extra [watch] is not installed.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise UsageError("--watch needs watchfiles: pip install 'medpattern[watch]'") from error

    tops, out = [root.resolve()], tree.resolve()
    outside = (root / facts).resolve() if facts else tops[0]
    if not outside.is_relative_to(tops[0]) and outside.is_dir():
        tops.append(outside)

    def shown(path: Path) -> str:
        return path.relative_to(tops[0]).as_posix() if path.is_relative_to(tops[0]) else str(path)

    def wanted(_change: object, name: str) -> bool:
        path = Path(name)
        top = next((top for top in tops if path.is_relative_to(top)), None)
        if top is None or path.is_relative_to(out):
            return False
        parts = path.relative_to(top).parts
        return not any(part.startswith(".") or part.endswith(("~", ".swp", ".tmp")) for part in parts)

    # The first, empty batch comes when the folders are being watched: no save after that gets lost.
    started = False
    batches = watchfiles.watch(
        *tops, watch_filter=wanted, debounce=200, step=50, rust_timeout=200, yield_on_timeout=True
    )
    for batch in batches:
        if batch or not started:
            yield sorted({shown(Path(name)) for _, name in batch})
        started = True
