"""Progress of work film by film: one line that changes on a terminal, a line every ten seconds in a pipe."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medpattern.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_CHANGES = 0.1


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int, str], None]]:
    """A function to be told (done, all, name) as often as one likes."""
    due = time.monotonic()
    with console.progress(words) as show:
        if show is None:
            due += SECONDS_BETWEEN_LINES

        def tell(done: int, total: int, name: str) -> None:
            nonlocal due
            if time.monotonic() < due:
                return
            if show is None:
                console.say(f"{words}: {done} of {total}")
                due = time.monotonic() + SECONDS_BETWEEN_LINES
            else:
                show(done, total, name)
                due = time.monotonic() + SECONDS_BETWEEN_CHANGES

        yield tell
