"""The command with its two processes, against the embedded broker."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from tests.pipeline.events.recorded import recorded

(PUT,) = recorded("rgw")["put"]
(MULTIPART,) = recorded("rgw")["multipart_complete"]


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    found = EmbeddedBroker({"images": 1})
    yield found
    found.close()


class Running:
    """A bridge: the parent, where it listens, and what it logs."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    @property
    def child(self) -> int:
        """The process that answers."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return until(lambda: [int(pid) for pid in path.read_text().split()], "a child")[0]

    def post(self, body: bytes = PUT, path: str = "/", seconds: float = 60) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        answer.read()
        return answer


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.01)
    return found


@contextmanager
def bridge(bootstrap: str, *options: str, **more: str) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDPATTERN_")}
    command = [sys.executable, "-m", "medpattern", "bridge", "--topic", "images", "--port", str(port), *options]
    process = subprocess.Popen(
        command, env=kept | {"MEDPATTERN_KAFKA_BOOTSTRAP": bootstrap} | more, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: process.poll() is not None or _listens(port), "the bridge to listen")
        yield Running(process, port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def in_topic(broker: EmbeddedBroker, start: int = 0) -> list[tuple[bytes | None, bytes]]:
    """Key and value of every record from offset `start` on."""
    from confluent_kafka import Consumer, TopicPartition

    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "test", "enable.auto.commit": False})
    place = TopicPartition("images", 0, start)
    _low, high = reader.get_watermark_offsets(place, timeout=30)
    reader.assign([place])
    found: list[tuple[bytes | None, bytes]] = []
    while len(found) < high - start:
        message = reader.poll(30)
        assert message is not None
        found.append((message.key(), message.value()))
    reader.close()
    return found


def test_what_is_posted_is_in_the_topic_when_200_comes(broker: EmbeddedBroker) -> None:
    before = len(in_topic(broker))
    with bridge(broker.bootstrap) as running:
        assert running.post(PUT).status == 200
        assert running.post(MULTIPART, "/images").status == 200
        (key, value), (other, scrubbed) = in_topic(broker, before)
    assert value == PUT
    assert key != other
    kept = json.loads(scrubbed)["Records"][0]["s3"]["object"]["metadata"]
    assert kept == [{"key": "x-amz-meta-study", "val": "cxr"}]


def test_a_killed_bridge_means_waiting_and_not_refusal(broker: EmbeddedBroker) -> None:
    with bridge(broker.bootstrap) as running:
        assert running.post().status == 200
        for _ in range(3):
            child = running.child
            os.kill(child, signal.SIGKILL)
            assert running.post().status == 200
            assert running.child != child
        assert running.process.poll() is None


def test_a_connection_made_while_nobody_answers_is_answered_by_the_next(broker: EmbeddedBroker) -> None:
    with bridge(broker.bootstrap) as running:
        child = running.child
        running.post()
        # Suspended, it takes nothing: the connection waits in the queue of the socket.
        os.kill(child, signal.SIGSTOP)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        connection.request("POST", "/", PUT)
        os.kill(child, signal.SIGKILL)
        assert connection.getresponse().status == 200


def test_term_ends_both_processes_in_order(broker: EmbeddedBroker) -> None:
    with bridge(broker.bootstrap) as running:
        running.post()
        child = running.child
        running.process.send_signal(signal.SIGTERM)
        _, errors = running.process.communicate(timeout=60)
        assert running.process.returncode == 0, errors
        assert not _alive(child)
        assert "patient-001" not in errors


def test_without_its_parent_the_child_ends_too(broker: EmbeddedBroker) -> None:
    with bridge(broker.bootstrap) as running:
        running.post()
        child = running.child
        running.process.kill()
        running.process.wait(30)
        until(lambda: not _alive(child), "the child to end")


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_while_kafka_is_away_the_answer_is_503_and_then_200_again() -> None:
    broker = EmbeddedBroker({"images": 1})
    try:
        with bridge(broker.bootstrap, MEDPATTERN_BRIDGE_SECONDS="1") as running:
            assert running.post().status == 200
            broker.set_down(True)
            answer = running.post()
            assert (answer.status, answer.getheader("medpattern-unavailable")) == (503, "kafka")
            broker.set_down(False)
            until(lambda: running.post().status == 200, "Kafka to take records again")
    finally:
        broker.close()


def test_a_bridge_that_starts_without_kafka_answers_503() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        bootstrap = f"127.0.0.1:{nobody.getsockname()[1]}"
        with bridge(bootstrap, MEDPATTERN_BRIDGE_SECONDS="1") as running:
            assert running.post().status == 503
            assert running.process.poll() is None


SUPERVISED = """
    import os, sys, time
    from medpattern.pipeline.bridge.supervisor import Supervisor
    from medpattern.pipeline.failures import Unavailable

    def work(started):
        with open(sys.argv[1], "a") as log:
            log.write(f"{os.getpid()}\\n")
        ACTION

    sys.exit(Supervisor(work, first_pause=0.01, longest_pause=0.02).run())
"""


def supervised(action: str, log: Path) -> subprocess.CompletedProcess[str]:
    script = textwrap.dedent(SUPERVISED).replace("ACTION", action)
    return subprocess.run([sys.executable, "-c", script, str(log)], capture_output=True, text=True, timeout=60)


def test_a_bridge_that_never_starts_ends_with_the_reason_and_the_code(tmp_path: Path) -> None:
    done = supervised('raise Unavailable("kafka", "the broker refused the user name or password")', tmp_path / "log")
    assert done.returncode == 3
    assert "kafka is unavailable: the broker refused the user name or password" in done.stderr
    assert len((tmp_path / "log").read_text().splitlines()) == 5


def test_one_that_dies_of_a_signal_at_start_ends_with_a_failure(tmp_path: Path) -> None:
    done = supervised("os.kill(os.getpid(), 9)", tmp_path / "log")
    assert done.returncode == 1
    assert len((tmp_path / "log").read_text().splitlines()) == 5


def test_one_that_once_answered_is_started_again_however_often(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = textwrap.dedent(SUPERVISED).replace("ACTION", "started(); return 1")
    process = subprocess.Popen([sys.executable, "-c", script, str(log)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: log.exists() and len(log.read_text().splitlines()) > 12, "twelve starts")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, 1)
    finally:
        process.kill()
