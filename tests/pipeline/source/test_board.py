from __future__ import annotations

import threading

import pytest

from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.source import metrics
from medpattern.pipeline.source.board import Board, Job
from medpattern.pipeline.source.policy import Progress, Step, Verdict

DONE = Step(Verdict.DONE, Progress(attempts=1))
AGAIN = Step(Verdict.RETRY, Progress(attempts=1))
LATER = Step(Verdict.RETRY, Progress(attempts=1), pause=3600)
HELD = Step(Verdict.HOLD, Progress(holds=1), pause=3600, held_for="database")


def board(*, ordered: bool = False, most_open: int = 10, most_uncommitted: int = 100, partitions: int = 1) -> Board:
    made = Board(ordered=ordered, most_open=most_open, most_uncommitted=most_uncommitted)
    for partition in range(partitions):
        made.add_lane(partition)
    return made


def take(board: Board, *offsets: int, partition: int = 0) -> None:
    for offset in offsets:
        board.take(partition, offset, CloudEvent(str(offset), "s", "t"), {})


def job_of(board: Board) -> Job:
    job = board.next_job()
    assert job is not None
    return job


def test_ordered_gives_one_record_of_a_partition_at_a_time_and_a_retry_before_the_next() -> None:
    one = board(ordered=True, partitions=2)
    take(one, 0, 1)
    take(one, 0, 1, partition=1)
    first, other = job_of(one), job_of(one)
    assert {(first.lane.partition, first.offset), (other.lane.partition, other.offset)} == {(0, 0), (1, 0)}
    one.settle(first, AGAIN)
    assert job_of(one) is first
    one.settle(first, DONE)
    following = job_of(one)
    assert (following.lane, following.offset) == (first.lane, 1)


def test_unordered_gives_all_and_commits_only_what_is_contiguous() -> None:
    one = board()
    take(one, 5, 6, 7)
    jobs = [job_of(one) for _ in range(3)]
    one.settle(jobs[1], DONE)
    assert one.positions() == {}
    one.settle(jobs[0], DONE)
    assert one.positions() == {0: 7}
    assert one.positions() == {}, "asked for already"
    one.refuse_commit([0])
    assert one.positions() == {0: 7}
    assert one.open == 1


def test_what_waits_for_its_time_does_not_hold_up_the_others() -> None:
    one = board()
    take(one, 0, 1)
    one.settle(job_of(one), LATER)
    assert job_of(one).offset == 1


def test_a_partition_given_back_drops_what_waits_and_lets_what_is_on_its_way_arrive() -> None:
    one = board(partitions=2)
    take(one, 0, 1, 2)
    on_its_way = job_of(one)
    one.settle(job_of(one), HELD)
    assert metrics.HELD.labels("database")._value.get() == 1
    arrival = threading.Timer(0.05, lambda: one.settle(on_its_way, DONE))
    arrival.start()
    assert one.remove_lanes([0], 30) == {0: 1}
    arrival.join()
    assert one.open == 0
    assert metrics.HELD.labels("database")._value.get() == 0
    assert not one.has_lane(0)
    take(one, 9, partition=1)
    assert job_of(one).lane.partition == 1


def test_a_partition_that_comes_back_begins_anew() -> None:
    one = board()
    take(one, 0)
    late = job_of(one)
    assert one.remove_lanes([0], 0) == {}
    one.add_lane(0)
    take(one, 0)
    one.settle(late, DONE)
    assert one.positions() == {}
    assert one.open == 1
    one.settle(job_of(one), DONE)
    assert one.positions() == {0: 1}


@pytest.mark.parametrize("bounds", [{"most_open": 2}, {"most_uncommitted": 2}])
def test_memory_and_what_a_crash_would_repeat_are_bounded(bounds: dict[str, int]) -> None:
    one = board(**bounds)
    take(one, 0, 1)
    assert not one.wait_for_room(0)
    one.settle(job_of(one), DONE)
    assert one.wait_for_room(0)


def test_after_the_end_nobody_gets_a_job() -> None:
    one = board()
    waiting = threading.Thread(target=one.next_job)
    waiting.start()
    one.end()
    waiting.join(10)
    assert not waiting.is_alive()
    take(one, 0)
    assert one.next_job() is None
