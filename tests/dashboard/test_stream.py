from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from medpattern.dashboard import stream
from medpattern.dashboard.snapshot import Snapshot
from medpattern.dashboard.state import Phase
from medpattern.dashboard.stream import Feed

DEADLINE = 20.0


class Run:
    """A run whose snapshots are what the test says; counts how often it was looked at."""

    def __init__(self) -> None:
        self.stored = 0
        self.looks = 0

    def take(self) -> Snapshot:
        self.looks += 1
        return Snapshot("The run is going on.", Phase.RUNNING, True, self.stored, None, (), None, (), None)


def in_loop(test: Callable[[Run], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE):
            await test(Run())

    asyncio.run(bounded())


async def snapshots(events: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    async for event in events:
        if event.startswith("event: snapshot\n"):
            yield json.loads(event.split("data: ", 1)[1])


def test_a_page_gets_the_present_at_once_and_then_what_changes() -> None:
    async def test(run: Run) -> None:
        told = snapshots(Feed(run.take, every=0.01).events())
        assert (await anext(told))["stored"] == 0
        run.stored = 5
        assert (await anext(told))["stored"] == 5

    in_loop(test)


def test_nothing_new_is_a_beat_and_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 0.05)

    async def test(run: Run) -> None:
        events = Feed(run.take, every=0.01).events()
        first = [(await anext(events)).split("\n")[0] for _ in range(4)]
        assert first == ["retry: 2000", "event: snapshot", "event: beat", "event: beat"]
        assert run.looks > 2, "it looked, and saw nothing new"

    in_loop(test)


def test_however_many_look_a_snapshot_is_taken_once() -> None:
    async def test(run: Run) -> None:
        feed = Feed(run.take, every=60)
        frames = await asyncio.gather(*(feed.latest() for _ in range(20)))
        assert {frame.text for frame in frames} == {frames[0].text}
        assert run.looks == 1

    in_loop(test)


def test_nobody_looks_while_no_page_is_open() -> None:
    async def test(run: Run) -> None:
        Feed(run.take)
        await asyncio.sleep(0)
        assert run.looks == 0

    in_loop(test)


def test_closing_ends_every_stream() -> None:
    async def test(run: Run) -> None:
        feed = Feed(run.take, every=60)
        first, second = feed.events(), feed.events()
        for events in (first, second):
            await anext(events)
            await anext(events)
        feed.close()
        assert [event async for event in first] == []
        assert [event async for event in second] == []

    in_loop(test)


def test_every_event_is_one_of_the_protocols() -> None:
    async def test(run: Run) -> None:
        events = Feed(run.take).events()
        for _ in range(2):
            event = await anext(events)
            assert event.endswith("\n\n")
            assert "\n\n" not in event[:-2]

    in_loop(test)
