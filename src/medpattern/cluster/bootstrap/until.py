"""How far bootstrap waits. By itself, so that the command line's help loads nothing else."""

from __future__ import annotations

from enum import StrEnum


class Until(StrEnum):
    """What all Applications must be."""

    SYNCED = "synced"
    HEALTHY = "healthy"
