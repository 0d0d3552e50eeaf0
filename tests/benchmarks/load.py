"""A lean HTTP client: the same request bytes over connections that stay open, one thread each.

What it costs is nobody's time but the benchmark's; so it does no more than write, and read to the end of an answer.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles


class AnswerError(Exception):
    """A server answered otherwise than with 200; the text begins with its answer."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Clock seconds of a whole run, and of each request in it."""

    wall: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.wall

    def percentile(self, percent: int) -> float:
        """Seconds within which so many per cent of the requests were answered."""
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer's head says of it; `closes`: the server ends the connection after it."""

    status: int
    length: int
    closes: bool


class Connection:
    """A connection to 127.0.0.1, kept open; made anew where the server ends it in order."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        self._port, self._timeout = port, timeout
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), self._timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._closed = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to `request`."""
        if self._closed:
            self._socket.close()
            self._open()
        self._socket.sendall(request)
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        found = head(bytes(self._buffer[:end]))
        whole = end + 4 + found.length
        while len(self._buffer) < whole:
            self._more()
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        self._closed = found.closes
        return found.status, body

    def _more(self) -> None:
        part = self._socket.recv(1 << 16)
        if not part:
            raise ConnectionError("the server has closed the connection")
        self._buffer += part


def head(text: bytes) -> Head:
    """The head of an answer, without its last empty line. Raises AnswerError for a body in chunks."""
    lines = text.split(b"\r\n")
    names = dict(line.lower().split(b":", 1) for line in lines[1:])
    if b"transfer-encoding" in names:
        raise AnswerError("the answer comes in chunks, which this client does not read")
    closes = names.get(b"connection", b"").strip() == b"close"
    return Head(int(lines[0].split(b" ", 2)[1]), int(names.get(b"content-length", b"0")), closes)


def request(path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A POST with a body, or a GET without one."""
    method = "POST" if body else "GET"
    named = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def run(port: int, requests: Sequence[bytes], count: int, concurrency: int) -> Timing:
    """Sends `count` requests, taken from `requests` in turn, over `concurrency` connections at once.

    Raises AnswerError at the first answer that is not 200.
    """
    numbers = itertools.count()
    latencies: list[list[float]] = [[] for _ in range(concurrency)]
    problems: list[Exception] = []

    def one(kept: list[float]) -> None:
        try:
            with Connection(port) as connection:
                while (number := next(numbers)) < count and not problems:
                    begun = time.perf_counter()
                    answer = connection.ask(requests[number % len(requests)])
                    kept.append(time.perf_counter() - begun)
                    _check(*answer)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(kept,)) for kept in latencies]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - begun
    if problems:
        raise problems[0]
    return Timing(wall, [latency for kept in latencies for latency in kept])


def _check(status: int, body: bytes) -> None:
    if status != 200:
        raise AnswerError(f"{status}: {body[:300].decode('utf-8', 'replace')}")
