"""Stands for the ward's pager: takes the webhooks of the notification stage.

python -m medpattern.pipeline.local.inbox PORT
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MOST_BYTES = 65536


class Inbox(BaseHTTPRequestHandler):
    """Answers 204 to each message, whatever it says, and to GET, by which it shows that it is there."""

    def do_POST(self) -> None:
        """Takes a message."""
        size = self.headers.get("content-length", "0")
        self.rfile.read(min(int(size), _MOST_BYTES) if size.isdecimal() else 0)
        self._answer(204)

    def do_GET(self) -> None:
        """Says that it is there."""
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Inbox).serve_forever()
