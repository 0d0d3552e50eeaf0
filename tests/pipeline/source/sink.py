"""A sink that answers what a test tells it to, and keeps what was posted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Post:
    """A request that came: headers with lower-case names, body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `breaks` closes the connection instead, `seconds` is how long it takes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    breaks: bool = False
    seconds: float = 0


Script = Callable[[Post], Reply]


def always(reply: Reply) -> Script:
    """The same answer to everything."""
    return lambda _post: reply


def in_turn(*replies: Reply) -> Script:
    """One answer after the other, the last one for ever."""
    left = list(replies)
    lock = threading.Lock()

    def answer(_post: Post) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


class ScriptedSink:
    """Listens on 127.0.0.1 from `start` to `stop`, on the same port each time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or always(Reply())
        self.posts: list[Post] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/events"

    @property
    def bodies(self) -> list[bytes]:
        return [post.body for post in list(self.posts)]

    def start(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Connections to it are refused from now on; those that are open end with their next answer."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def sink(script: Script | None = None) -> Iterator[ScriptedSink]:
    """A sink that runs."""
    found = ScriptedSink(script).start()
    try:
        yield found
    finally:
        found.stop()


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Waits for `condition`; fails, saying what was waited for, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.01)


def _handler(owner: ScriptedSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else the answer, sent in two parts, waits for a delayed ACK of 40 ms.
        wbufsize = 65536

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            post = Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            reply = owner.script(post)
            owner.posts.append(post)
            time.sleep(reply.seconds)
            if reply.breaks:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
