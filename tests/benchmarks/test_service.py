"""The arithmetic of the service's benchmark: what it makes of what it reads and measures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

from tests.benchmarks import load
from tests.benchmarks.chain import steps_of
from tests.benchmarks.films import TOLERANCE, jpeg_film
from tests.benchmarks.processor import cpu_seconds, ended_children_ticks, family
from tests.benchmarks.throughput import Cell, Sample


def test_a_ratio_is_each_rounds_own_so_that_a_slow_round_does_not_count() -> None:
    samples = [Sample(3.0, 4.0, 1, 1, 1), Sample(30.0, 40.0, 1, 1, 1), Sample(4.0, 5.0, 1, 1, 1)]
    cell = Cell(50, 1, {"ours": samples})
    assert cell.ratio("ours") == 0.75


def test_a_command_named_with_brackets_and_blanks_is_read() -> None:
    fields = " ".join(str(number) for number in range(4, 30))  # as of proc(5): field n has the number n
    assert ended_children_ticks(f"77 (a) b (c)) S {fields}") == 16 + 17


def test_a_process_counts_with_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    work = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert family(process.pid) == [process.pid]
        assert cpu_seconds(process.pid) >= 0.28  # ended children count in hundredths, rounded down
        process.communicate(b"\n")


def test_a_process_that_is_not_there_is_no_zero() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError):
        cpu_seconds(process.pid)


def test_steps_are_read_from_the_metrics() -> None:
    metrics = (
        "# TYPE medpattern_step_cpu_seconds_total counter\n"
        'medpattern_step_cpu_seconds_total{step="fetch"} 1.5\n'
        'medpattern_step_cpu_seconds_created{step="fetch"} 9.0\n'
        'medpattern_step_cpu_seconds_total{step="score"} 2e-05\n'
    )
    assert steps_of(metrics) == {"fetch": 1.5, "score": 2e-05}


@pytest.mark.parametrize("kilobytes", [50, 500])
def test_a_film_has_the_wanted_size(kilobytes: int) -> None:
    assert len(jpeg_film(3, 1000 * kilobytes)) == pytest.approx(1000 * kilobytes, rel=TOLERANCE)


class InPieces(StreamRequestHandler):
    """Two answers a connection, each in pieces; then it ends it in order."""

    def handle(self) -> None:
        for more in ("", "Connection: close\r\n"):
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            for part in (f"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n{more}\r\n", "ab", "cd"):
                self.wfile.write(part.encode())
                self.wfile.flush()


class Refuses(StreamRequestHandler):
    """What a server says that is too busy."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy")


@contextmanager
def answering(handler: type[StreamRequestHandler]) -> Iterator[int]:
    with TCPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_the_client_goes_on_where_a_server_ends_the_connection() -> None:
    with answering(InPieces) as port:
        timing = load.run(port, [load.request("/")], 5, 1)
    assert len(timing.latencies) == 5


def test_a_refusal_is_no_fast_answer() -> None:
    with answering(Refuses) as port, pytest.raises(load.AnswerError, match="503: busy"):
        load.run(port, [load.request("/")], 5, 1)
