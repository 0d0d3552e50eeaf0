"""What a run of `validate` found. Light: what was remembered is told without any other part of rendering."""

from __future__ import annotations

from dataclasses import dataclass

from medpattern.findings import Finding


@dataclass(frozen=True)
class Validation:
    """What a run found.

    Attributes:
        clusters: the names of those that were looked at.
        objects: how many objects were looked at.
        findings: all of them, equal ones of several clusters as one.
        unseen: (cluster, application) of those whose objects nobody here knows, such as remote charts.
        partial: clusters of which a part could not be rendered; their wiring was not looked at, since what is missing
            would look like a dangling reference.
        is_fleet: whether all clusters were looked at whole, so that rules between clusters were too.
        others: how many documents of a folder of manifests are no objects.
    """

    clusters: tuple[str, ...]
    objects: int
    findings: tuple[Finding, ...]
    unseen: tuple[tuple[str, str], ...] = ()
    partial: tuple[str, ...] = ()
    is_fleet: bool = False
    others: int = 0
