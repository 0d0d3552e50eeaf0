"""Which repository and which part of its fleet a command is about. Light: the fleet is loaded on demand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medpattern.errors import UsageError
from medpattern.findings import did_you_mean
from medpattern.fleet.places import GLOBAL_FILE

if TYPE_CHECKING:
    from medpattern.fleet.fleet import Fleet

DEFAULT_TREE = "rendered"


@dataclass(frozen=True)
class Selection:
    """Where the inputs are and which part of the fleet is meant; empty means all."""

    root: Path
    values: str | None = None
    facts: str | None = None
    clusters: tuple[str, ...] = ()
    group: str = ""
    app: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole fleet, so that folders of unknown clusters can be judged."""
        return not (self.clusters or self.group or self.app)

    def load(self) -> Fleet:
        """The fleet, if this version of medpattern may render it.

        Raises:
            UsageError: there is none, or it asks for another version.
        """
        from medpattern.fleet.fleet import load_fleet
        from medpattern.version import require_version

        fleet = load_fleet(self.root, self.values, self.facts)
        require_version(fleet.global_document)
        return fleet

    def names(self, fleet: Fleet) -> list[str]:
        """The clusters that are meant, sorted.

        Raises:
            UsageError: a cluster or group that does not exist.
        """
        for name in self.clusters:
            if name not in fleet.facts:
                raise UsageError(f"no cluster '{name}'; {did_you_mean(name, fleet.facts)}")
        groups = {facts.group for facts in fleet.facts.values()}
        if self.group and self.group not in groups:
            raise UsageError(f"no group '{self.group}'; {did_you_mean(self.group, groups)}")
        return sorted(
            name
            for name, facts in fleet.facts.items()
            if (not self.clusters or name in self.clusters) and (not self.group or facts.group == self.group)
        )


def tree_path(root: Path, out: Path) -> str:
    """The rendered tree's path as Argo CD will read it: below the repository, else the default's.

    Raises:
        UsageError: the tree would be the repository itself, or hold it.
    """
    top, tree = Path(os.path.abspath(root)), Path(os.path.abspath(out))  # noqa: PTH100
    if top.is_relative_to(tree):
        raise UsageError(f"--out {out} is the repository or above it; name a folder in it, as {root / 'rendered'}")
    if (tree / GLOBAL_FILE).exists():
        raise UsageError(f"--out {out} holds values files; name another folder, as {root / 'rendered'}")
    return tree.relative_to(top).as_posix() if tree.is_relative_to(top) else DEFAULT_TREE
