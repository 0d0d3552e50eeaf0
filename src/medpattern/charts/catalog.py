"""Where charts lie: in the repository first, then among those that ship with medpattern."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from medpattern.charts.files import builtin_folder, find_chart
from medpattern.charts.source import ChartSource, read_chart
from medpattern.errors import ChartSourceError

_VALUES = re.compile(r"\.Values\.([A-Za-z_][A-Za-z0-9_]*)")
_GLOBAL = re.compile(r"(?:values|Values)\.global\.([A-Za-z_][A-Za-z0-9_]*)|\bglobal\.([A-Za-z_][A-Za-z0-9_]*)")


@dataclass
class Catalog:
    """The charts of a repository at `root`; each is read once.

    `before` is the catalog of an earlier look at the same repository: of a chart that has not changed since, the very
    source that it read is handed out again, so that what was made of it can be used again. `unreadable` names charts
    that could not be read.
    """

    root: Path
    before: Catalog | None = None
    unreadable: set[str] = field(default_factory=set)
    _charts: dict[str, ChartSource | None] = field(default_factory=dict)

    def get(self, path: str) -> ChartSource | None:
        """The chart in the folder `path`, or None.

        Raises:
            ChartSourceError: it cannot be read.
        """
        if path not in self._charts:
            self._charts[path] = self._read(path)
        return self._charts[path]

    def _read(self, path: str) -> ChartSource | None:
        folder = find_chart(self.root, path)
        try:
            source = read_chart(folder, path) if folder else None
        except ChartSourceError:
            self.unreadable.add(path)
            raise
        known = self.before._charts.get(path) if self.before else None
        return known if known == source else source

    def digests(self) -> dict[str, str]:
        """sha256 of every chart that was asked for and could be read; "" for those that are not there."""
        return {path: source.digest if source else "" for path, source in self._charts.items()}

    def names(self) -> list[str]:
        """Paths of all charts in `charts/` of the repository and of medpattern."""
        found = set()
        for base in (self.root, builtin_folder()):
            found |= {path.parent.relative_to(base).as_posix() for path in (base / "charts").glob("**/Chart.yaml")}
        return sorted(found)


def global_names(source: ChartSource) -> set[str]:
    """The names under `global` that the chart mentions anywhere in its files."""
    return {
        name
        for content in source.files.values()
        for match in _GLOBAL.findall(content.decode("utf-8", "replace"))
        for name in match
        if name
    }


def top_level_names(source: ChartSource) -> set[str]:
    """The top-level values that the chart declares, or mentions in its templates if it is an ordinary one."""
    declared = set(source.values.data) if isinstance(source.values.data, dict) else set()
    if source.is_source:
        return declared | set(source.schema.get("properties", {}))
    return declared | {
        name
        for file, content in source.files.items()
        if "templates/" in file
        for name in _VALUES.findall(content.decode("utf-8", "replace"))
    }
