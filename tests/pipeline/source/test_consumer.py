"""What the loop does around rebalances, with a client that remembers pauses as librdkafka does."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TopicPartition

from medpattern.pipeline.settings import KafkaSettings
from medpattern.pipeline.source import consumer as module
from medpattern.pipeline.source.board import Board
from medpattern.pipeline.source.consumer import Consumer
from medpattern.pipeline.source.settings import SourceSettings, Target
from tests.pipeline.source.test_board import take


class Client:
    """Partitions keep their pause when they are lost; `assignment` is empty until they come back."""

    def __init__(self) -> None:
        self.assigned: list[TopicPartition] = []
        self.paused: set[int] = set()

    def assignment(self) -> list[TopicPartition]:
        return self.assigned

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def poll(self, _seconds: float) -> Any:
        return None


@pytest.fixture
def board() -> Board:
    return Board(ordered=False, most_open=1)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def consumer(board: Board, client: Client, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    monkeypatch.setattr(module, "_FULL_BEFORE_PAUSE", 0.0)
    sink = Target.read("http://127.0.0.1:9/")
    made = Consumer(SourceSettings(KafkaSettings("127.0.0.1:9"), "t", "g", sink, sink), board)
    made._client.close()
    made._client = client
    return made


def test_partitions_that_were_lost_while_paused_are_read_again_when_they_come_back(
    consumer: Consumer, board: Board, client: Client
) -> None:
    place = TopicPartition("t", 0)
    client.assigned = [place]
    consumer._on_assign(client, [place])
    take(board, 0)
    consumer._step()
    assert client.paused == {0}
    consumer._on_lost(client, [place])
    client.assigned = []
    consumer._step()  # there is room again, and nothing assigned that could be resumed
    client.assigned = [place]
    consumer._on_assign(client, [place])
    consumer._step()
    assert client.paused == set()
