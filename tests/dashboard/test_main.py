from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.dashboard.world import World

SECONDS = 60


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("MEDPATTERN_", "AWS_"))}
    command = [sys.executable, "-m", "medpattern.dashboard", "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=bare | environment, text=True, **pipes)  # type: ignore[call-overload]


@pytest.fixture
def started(world: World) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = start(world.environment())
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def read_snapshots(connection: HTTPConnection) -> Iterator[dict[str, Any]]:
    connection.request("GET", "/api/stream")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    for line in answer:
        if line.startswith(b'data: {"'):
            yield json.loads(line[6:])


def test_it_prints_where_it_listens_streams_what_changes_and_ends_in_order(
    world: World, started: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = started
    place = urlsplit(url)
    assert (place.scheme, place.hostname, place.path) == ("http", "127.0.0.1", "/")
    connection = HTTPConnection("127.0.0.1", place.port or 0, timeout=SECONDS)
    told = read_snapshots(connection)
    assert next(told)["figures"]["accounts"]["results"] == 0
    world.score(world.store_film())
    world.write_state(stored=1)
    assert any(snapshot["figures"]["accounts"]["results"] == 1 for snapshot in told)
    process.send_signal(signal.SIGTERM)
    assert list(told) is not None  # the stream is ended by the server, or reading it would never end
    assert process.wait(SECONDS) == 0
    connection.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_only_this_machine_reaches_it(started: tuple[subprocess.Popen[str], str]) -> None:
    port = urlsplit(started[1]).port or 0
    # Another address of the loopback network stands for every other interface.
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), SECONDS):
        pass


def test_all_settings_that_are_missing_are_told_at_once() -> None:
    process = start({})
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    for name in ("MEDPATTERN_RUN_STATE", "MEDPATTERN_S3_ENDPOINT", "MEDPATTERN_DATABASE_URL_FILE",
                 "MEDPATTERN_IDENTITY_KEY_FILE", "MEDPATTERN_PSEUDONYM_KEY_FILE"):  # fmt: skip
        assert name in err
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_told(world: World, started: tuple[subprocess.Popen[str], str]) -> None:
    port = str(urlsplit(started[1]).port)
    command = [sys.executable, "-m", "medpattern.dashboard", "--port", port]
    done = subprocess.run(
        command, env=os.environ | world.environment(), capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr
