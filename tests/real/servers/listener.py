"""An HTTP server that keeps what is posted to it, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.real.servers.ports import free_port


@dataclass(frozen=True, slots=True)
class Request:
    """A POST: path with its query, headers (as sent; look them up in lower case), body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Listener:
    """Where it listens, what came, and what it answers from now on."""

    url: str
    status: int = 200
    requests: list[Request] = field(default_factory=list)


@contextmanager
def listening_for_posts() -> Iterator[Listener]:
    """A `Listener` on a free port; requests answered with an error are kept too."""
    port = free_port()
    listener = Listener(f"http://127.0.0.1:{port}")
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(listener))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            listener.requests.append(Request(self.path, headers, body))
            self.send_response(listener.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
