"""Words of the settings, apart from all else: the command line knows them before it loads anything."""

from __future__ import annotations

from enum import StrEnum


class Ordering(StrEnum):
    """Whether the next record of a partition waits until the last one is done."""

    ORDERED = "ordered"
    UNORDERED = "unordered"


class Growth(StrEnum):
    """How the pause between two tries grows."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"


class Start(StrEnum):
    """Where a new consumer group begins."""

    EARLIEST = "earliest"
    LATEST = "latest"
