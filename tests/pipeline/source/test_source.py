"""The source as a whole, against the embedded broker and a sink that answers what the test wants."""

from __future__ import annotations

import base64
import itertools
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.settings import KafkaSettings
from medpattern.pipeline.source.board import Board
from medpattern.pipeline.source.consumer import Consumer
from medpattern.pipeline.source.run import deliver
from medpattern.pipeline.source.settings import DeliveryPolicy, SourceSettings, Target
from medpattern.pipeline.source.words import Ordering
from tests.pipeline.source.sink import Post, Reply, ScriptedSink, always, in_turn, sink, until

PARTITIONS = 3
_GROUPS = itertools.count()
FAST = DeliveryPolicy(retry=2, delay=0.01, first_hold=0.01, longest_hold=0.05, most_breaks=3, timeout=10)


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    topics = {f"t{number}": PARTITIONS for number in range(16)}
    found = EmbeddedBroker(topics)
    yield found
    found.close()


@pytest.fixture
def topic() -> str:
    return f"t{next(_GROUPS)}"


@pytest.fixture
def send(broker: EmbeddedBroker, topic: str) -> Iterator[_Send]:
    producer = Producer(KafkaSettings(broker.bootstrap))
    yield _Send(producer, topic)
    producer.close()


class _Send:
    """Puts records into the topic: all into the partition of `key`, or evenly into all."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def __call__(self, *values: bytes, key: str | None = None) -> None:
        keys = itertools.repeat(key) if key else map(str, itertools.count())
        self._producer.send_all(self._topic, [(one, value, ()) for one, value in zip(keys, values, strict=False)])


@contextmanager
def source(
    broker: EmbeddedBroker, topic: str, there: ScriptedSink, letters: ScriptedSink | None = None, **changes: object
) -> Iterator[None]:
    """A source that delivers while the block runs, and has committed when it is left."""
    settings = SourceSettings(
        kafka=KafkaSettings(broker.bootstrap),
        topic=topic,
        group=f"group-of-{topic}",
        sink=Target.read(there.url),
        dead_letter_sink=Target.read((letters or there).url),
        namespace="lab",
        delivery=FAST,
        grace=10,
        # The embedded broker waits that long, less 1 s, for the other members of a group. There is one here: with a
        # second, this would be shorter than its next heartbeat. tests/real has two, on Kafka.
        session=1.1,
    )
    stopping, ready = threading.Event(), threading.Event()
    running = threading.Thread(target=deliver, args=(replace(settings, **changes), stopping, ready.set))
    running.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        stopping.set()
        running.join(60)
    assert not running.is_alive()


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def test_every_record_is_delivered_once_and_committed(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    send(*numbered(200))
    with sink() as there:
        with source(broker, topic, there):
            until(lambda: len(there.posts) >= 200, "200 events")
        assert sorted(there.bodies) == sorted(numbered(200))
        post = there.posts[0]
        assert post.headers["ce-source"] == f"/apis/v1/namespaces/lab/kafkasources/xray-images#{topic}"
        assert post.headers["ce-type"] == "dev.knative.kafka.event"
        assert "content-type" not in post.headers
        send(b"next")
        with source(broker, topic, there):
            until(lambda: b"next" in there.bodies, "the event after the restart")
        assert len(there.posts) == 201


def test_what_is_refused_goes_to_the_dead_letters_at_once(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    send(b"bad", key="k")
    with sink(always(Reply(422, body=b'{"reason":"not-an-image"}'))) as there, sink() as letters:
        with source(broker, topic, there, letters):
            until(lambda: letters.posts, "a dead letter")
        assert len(there.posts) == 1
        first, letter = there.posts[0], letters.posts[0]
        assert letter.body == b"bad"
        ours = {name for name in first.headers if name.startswith("ce-")}
        assert {name: letter.headers[name] for name in ours} == {name: first.headers[name] for name in ours}
        assert letter.headers["ce-knativeerrordest"] == there.url
        assert letter.headers["ce-knativeerrorcode"] == "422"
        data = letter.headers["ce-knativeerrordata"].replace("%3D", "=")
        assert base64.b64decode(data) == b'{"reason":"not-an-image"}'


def test_what_fails_is_tried_again_and_then_buried(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    def script(post: Post) -> Reply:
        return Reply(500) if post.body == b"bad" else next(passing)

    passing = iter([Reply(429), Reply(503), Reply(200)])
    send(b"good", b"bad", key="k")
    with sink(script) as there, sink() as letters:
        with source(broker, topic, there, letters):
            until(lambda: letters.posts and there.bodies.count(b"good") == 3, "a dead letter and three tries")
        assert there.bodies.count(b"bad") == 1 + FAST.retry
        assert [post.body for post in letters.posts] == [b"bad"]
        assert letters.posts[0].headers["ce-attempts"] == "3"


def test_an_outage_behind_the_sink_is_waited_out(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    away = Reply(503, {"Medpattern-Unavailable": "database"})
    send(b"x")
    with sink(in_turn(*[away] * 20, Reply())) as there, sink() as letters:
        with source(broker, topic, there, letters):
            until(lambda: len(there.posts) == 21, "the 21st try")
        assert letters.posts == []


def test_a_sink_that_is_not_there_is_waited_for(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    there = ScriptedSink().start()
    there.stop()
    send(*numbered(50))
    with sink() as letters, source(broker, topic, there, letters):
        until(lambda: held("sink-unreachable") > 0, "events held back")
        there.start()
        until(lambda: len(there.posts) >= 50, "50 events")
        until(lambda: held("sink-unreachable") == 0, "nothing held back")
    there.stop()
    assert letters.posts == []
    assert sorted(there.bodies) == sorted(numbered(50))


def held(reason: str) -> float:
    from medpattern.pipeline.source.metrics import HELD

    return float(HELD.labels(reason)._value.get())


def test_connections_that_break_are_borne_but_not_for_ever(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    seen: dict[bytes, int] = defaultdict(int)

    def script(post: Post) -> Reply:
        seen[post.body] += 1
        return Reply(breaks=post.body == b"kills" or seen[post.body] == 1)

    send(b"survives", b"kills", key="k")
    with sink(script) as there, sink() as letters:
        with source(broker, topic, there, letters):
            until(lambda: letters.posts and seen[b"survives"] >= 2, "one dead letter, one success")
        assert [post.body for post in letters.posts] == [b"kills"]
        assert "ce-knativeerrorcode" not in letters.posts[0].headers


def test_a_dead_letter_sink_that_fails_loses_nothing(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    send(b"bad")
    with sink(always(Reply(400))) as there, sink(in_turn(*[Reply(500)] * 8, Reply(404), Reply(202))) as letters:
        with source(broker, topic, there, letters):
            until(lambda: len(letters.posts) == 10, "ten tries of the dead letter")
        with source(broker, topic, there, letters):
            send(b"next")
            until(lambda: len(letters.posts) == 11, "the next dead letter")
        assert there.bodies == [b"bad", b"next"]


def test_what_was_not_taken_comes_again_after_a_restart(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    send(*numbered(10), key="one partition")

    def script(post: Post) -> Reply:
        return Reply(503, {"Medpattern-Unavailable": "s3"}) if post.body == b"4" else Reply()

    with sink(script) as there, source(broker, topic, there):
        until(lambda: {*numbered(10)} <= {*there.bodies}, "ten events, one of them held")
    with sink() as there, source(broker, topic, there):
        until(lambda: {*numbered(6, 4)} <= {*there.bodies}, "what follows the held one")
    # Offsets are committed in order: what was done after the held one is done again, nothing before it.
    assert sorted(there.bodies) == numbered(6, 4)


def test_ordered_keeps_the_order_of_each_partition(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    for key in "abc":
        send(*[key.encode() + number for number in numbered(20)], key=key)
    failed: set[bytes] = set()

    def script(post: Post) -> Reply:
        if post.body.endswith(b"5") and post.body not in failed:
            failed.add(post.body)
            return Reply(500)
        return Reply()

    with sink(script) as there:
        with source(broker, topic, there, ordering=Ordering.ORDERED):
            until(lambda: len({*there.bodies}) == 60, "60 events")
        for key in (b"a", b"b", b"c"):
            mine = [body for body in there.bodies if body.startswith(key)]
            assert list(dict.fromkeys(mine)) == [key + number for number in numbered(20)]
            assert mine.count(key + b"5") == 2
            assert mine.index(key + b"6") > len(mine) - 1 - mine[::-1].index(key + b"5")


def test_unordered_does_not_wait_for_one_that_is_tried_again(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    slow = replace(FAST, delay=1800.0)
    send(*numbered(30), key="one partition")
    with (
        sink(lambda post: Reply(500 if post.body == b"0" else 200)) as there,
        source(broker, topic, there, delivery=slow, concurrency=2),
    ):
        until(lambda: len(there.posts) >= 30, "all the others")


def test_kafka_that_does_not_answer_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings = SourceSettings(
            kafka=KafkaSettings(f"127.0.0.1:{nobody.getsockname()[1]}"),
            topic="t",
            group="g",
            sink=Target.read("http://127.0.0.1:1/"),
            dead_letter_sink=Target.read("http://127.0.0.1:1/"),
        )
        consumer = Consumer(settings, Board(ordered=False, most_open=1))
        with pytest.raises(Unavailable, match="kafka is unavailable: no answer"):
            consumer.open(1)
        consumer.close()


def test_the_command_ends_in_order_at_term(broker: EmbeddedBroker, topic: str, send: _Send) -> None:
    send(*numbered(20))
    with sink() as there:
        command = [sys.executable, "-m", "medpattern", "source", "--topic", topic, "--sink", there.url,
                   "--dead-letter-sink", there.url, "--group", f"group-of-{topic}"]  # fmt: skip
        more = {"MEDPATTERN_KAFKA_BOOTSTRAP": broker.bootstrap, "MEDPATTERN_SOURCE_SESSION_SECONDS": "1.1"}
        running = subprocess.Popen(command, env=_environment() | more, stderr=subprocess.PIPE)
        try:
            until(lambda: len(there.posts) >= 20, "20 events")
            running.send_signal(signal.SIGTERM)
            _, errors = running.communicate(timeout=60)
        finally:
            running.kill()
        assert running.returncode == 0, errors
        send(b"next")
        with source(broker, topic, there):
            until(lambda: b"next" in there.bodies, "the event after the restart")
        assert len(there.posts) == 21


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("MEDPATTERN_")}
