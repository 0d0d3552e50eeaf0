"""Which repository and which part of its fleet a command is about. Light: the fleet is loaded on demand."""

from __future__ import annotations

import os
from collections.abc import Collection
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

    def names(self, *fleets: Fleet) -> list[str]:
        """The clusters that are meant in any of `fleets`, sorted.

        Of two revisions both are given, so that a cluster that changes its group is seen on both sides.

        Raises:
            UsageError: a cluster or group that none of them has.
        """
        facts = [facts for fleet in fleets for facts in fleet.facts.values()]
        known, groups = {item.name for item in facts}, {item.group for item in facts}
        for name in self.clusters:
            if name not in known:
                raise UsageError(f"no cluster '{name}'; {did_you_mean(name, known)}")
        if self.group and self.group not in groups:
            raise UsageError(f"no group '{self.group}'; {did_you_mean(self.group, groups)}")
        return sorted(
            {
                item.name
                for item in facts
                if (not self.clusters or item.name in self.clusters) and (not self.group or item.group == self.group)
            }
        )

    def require_app(self, known: Collection[str]) -> None:
        """Refuses an application that is in none of the selected clusters, which have `known`.

        Raises:
            UsageError: there is none of that name.
        """
        if self.app and self.app not in known:
            raise UsageError(f"no application '{self.app}' on these clusters; {did_you_mean(self.app, known)}")


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
