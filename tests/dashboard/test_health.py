from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from medpattern.dashboard.health import Probe
from medpattern.dashboard.state import Stage, StageState

ANSWERS = {
    "/ready": (200, "application/json", b'{"ready":true}'),
    "/json": (503, "application/json", b'{"ready":false,"reason":"waits for \\n the broker"}'),
    "/text": (503, "text/plain; charset=utf-8", b"waits for the bucket"),
    "/html": (404, "text/html", b"<html>a page of somebody else</html>"),
    "/list": (503, "application/json", b"[1]"),
}


@pytest.fixture
def server() -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, media_type, body = ANSWERS[self.path]
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def probe() -> Iterator[Probe]:
    made = Probe()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/ready", "ready"),
        ("/json", "not ready: waits for the broker"),
        ("/text", "not ready: waits for the bucket"),
        ("/html", "answers 404"),
        ("/list", "answers 503"),
    ],
)
def test_a_stage_is_asked_and_its_reason_told(server: str, probe: Probe, path: str, answer: str) -> None:
    (told,) = probe.ask([Stage("serve", 1, StageState.READY, 2, server + path)])
    assert (told.name, told.restarts, told.answer) == ("serve", 2, answer)


def test_a_stage_that_is_gone_gives_no_answer(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    (told,) = probe.ask([Stage("serve", 1, StageState.READY, 0, f"http://127.0.0.1:{port}/ready")])
    assert told.answer == "no answer"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/",
        "https://127.0.0.1/",
        "file:///etc/hostname",
        "http://127.0.0.1.example/",
        "http://127.0.0.1@example.org/",
    ],
)
def test_nobody_but_this_machine_is_asked(probe: Probe, url: str) -> None:
    (told,) = probe.ask([Stage("serve", 1, StageState.READY, 0, url)])
    assert told.answer == ""


def test_a_stage_that_the_run_knows_to_be_down_is_not_asked(server: str, probe: Probe) -> None:
    states = (StageState.DOWN, StageState.ENDED)
    told = probe.ask([Stage(state.value, None, state, 0, f"{server}/ready") for state in states])
    assert [(one.name, one.answer) for one in told] == [("down", ""), ("ended", "")]
