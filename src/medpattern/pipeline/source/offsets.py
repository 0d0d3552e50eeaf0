"""Which offset of a partition may be committed: all records before it are done."""

from __future__ import annotations

from collections import deque


class Offsets:
    """The records of one partition that were taken, in the order of their offsets.

    Kafka skips offsets (compaction, transactions), so a gap between two records means nothing.
    """

    __slots__ = ("_done", "_taken", "position")

    def __init__(self) -> None:
        self._taken: deque[int] = deque()
        self._done: set[int] = set()
        # The offset to commit: that after the last record of which all before are done; None before the first.
        self.position: int | None = None

    def __len__(self) -> int:
        """How many records were taken and lie at or after the position."""
        return len(self._taken)

    def take(self, offset: int) -> None:
        """Notes a record, whose offset is greater than that of any before.

        Raises:
            ValueError: it is not.
        """
        if self._taken and offset <= self._taken[-1]:
            raise ValueError("offsets must rise")
        self._taken.append(offset)

    def finish(self, offset: int) -> None:
        """Notes that a record that was taken is done; once."""
        self._done.add(offset)
        while self._taken and self._taken[0] in self._done:
            first = self._taken.popleft()
            self._done.remove(first)
            self.position = first + 1
