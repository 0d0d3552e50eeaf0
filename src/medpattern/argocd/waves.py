"""Sync waves from the declared `dependsOn` graph."""

from __future__ import annotations

from collections.abc import Iterable

from medpattern.fleet.sections import Application


def sync_waves(applications: Iterable[Application]) -> dict[str, int]:
    """The wave of each enabled application: 0 without dependencies, else one after the latest of them.

    A dependency that is disabled or unknown counts for nothing here; unknown ones and cycles are findings
    of the fleet. Waves order the first installation and changes of the Applications themselves.
    """
    graph = {app.name: app.depends_on for app in applications if not app.disabled}
    waves: dict[str, int] = {}

    def wave(name: str, above: frozenset[str]) -> int:
        if name in above:
            return 0
        if name not in waves:
            below = [wave(other, above | {name}) + 1 for other in graph[name] if other in graph]
            waves[name] = max(below, default=0)
        return waves[name]

    for name in graph:
        wave(name, frozenset())
    return waves
