"""A git server on 127.0.0.1: bare repositories over HTTP by `git http-backend`, with a login where one is set.

HTTP and not a path: Argo CD's webhook and its credentials know only http, https and ssh.
"""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

from tests.real.servers.ports import free_port
from tests.real.servers.programs import run

# No configuration of this machine, and pushes are taken from anybody.
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_CONFIG_KEY_1": "http.receivepack",
    "GIT_CONFIG_VALUE_1": "true",
}


class GitServer:
    """Serves the bare repositories in a folder. `login` is (user, password); None lets everybody in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.login: tuple[str, str] | None = None
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    def url(self, name: str) -> str:
        """Of a repository, without a login."""
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def make(self, name: str) -> str:
        """A new bare repository with the branch main; its URL."""
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", self.folder / f"{name}.git")
        return self.url(name)

    def start(self) -> GitServer:
        """Serve until `stop`; the port stays the same over starts."""
        handler = type("Handler", (_Handler,), {"served": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody answers any longer. Nothing to do is no error."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: ClassVar[GitServer]

    def do_GET(self) -> None:
        body = self._body()
        if not self._may_enter():
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.served.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "tests",
            "REMOTE_ADDR": "127.0.0.1",
        }
        told = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False)
        head, _, data = told.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in fields if name == "Status"), "200").split()[0]
        self._answer(int(status), [(name, value) for name, value in fields if name != "Status"], data)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_words: object) -> None:
        """Nothing: the log of a test is for its failures."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _may_enter(self) -> bool:
        if self.served.login is None:
            return True
        wanted = base64.b64encode(":".join(self.served.login).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}"

    def _answer(self, status: int, fields: list[tuple[str, str]], data: bytes) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
