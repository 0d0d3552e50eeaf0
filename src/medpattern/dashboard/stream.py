"""The page's news as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

However many pages are open, a snapshot is taken once a second at most, and none while nobody looks.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from medpattern.dashboard.snapshot import Snapshot, to_json

# A page that hears nothing for longer calls what it shows stale.
BEAT_SECONDS = 5.0
_RETRY_MILLISECONDS = 2000
# Of one core, the share that looking may cost the run that is looked at.
_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Frame:
    """A snapshot as JSON; equal text is equal news."""

    text: str


class Feed:
    """The newest snapshot for everybody; to be used within one event loop."""

    def __init__(self, take: Callable[[], Snapshot], *, every: float = 1.0) -> None:
        """`take` blocks, and runs in a thread; `every` is in seconds."""
        self._take = take
        self._every = every
        self._fresh_until = 0.0
        self._frame: Frame | None = None
        self._taking = asyncio.Lock()
        self._closing = asyncio.Event()

    async def latest(self) -> Frame:
        """A frame that is at most `every` seconds old, or older where taking one is dear."""
        async with self._taking:
            if self._frame is None or time.monotonic() >= self._fresh_until:
                began = time.monotonic()
                snapshot = await asyncio.to_thread(self._take)
                self._frame = Frame(json.dumps(to_json(snapshot), separators=(",", ":"), allow_nan=False))
                took = time.monotonic() - began
                self._fresh_until = began + max(self._every, took / _SHARE)
            return self._frame

    async def events(self) -> AsyncIterator[str]:
        """One page's stream: a snapshot whenever it changed, else a beat now and then, until `close`."""
        yield f"retry: {_RETRY_MILLISECONDS}\n\n"
        shown: Frame | None = None
        spoke = 0.0
        while not self._closing.is_set():
            frame = await self.latest()
            if frame != shown:
                yield f"event: snapshot\ndata: {frame.text}\n\n"
                shown, spoke = frame, time.monotonic()
            elif time.monotonic() - spoke >= BEAT_SECONDS:
                yield "event: beat\ndata: {}\n\n"
                spoke = time.monotonic()
            await self._pause()

    def close(self) -> None:
        """Ends every stream."""
        self._closing.set()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), self._every)
        except TimeoutError:
            return
