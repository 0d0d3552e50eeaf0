"""CPU per event of `medpattern source` and `medpattern bridge` alone, with nothing slow on either side.

    python -m tests.benchmarks.delivery [--events 8000] [--concurrency 8]

The broker is the embedded one; the source's sink answers at once, from a process of its own. The CPU is that of the
stage's process (of the bridge, of its child), user and system, between the first and the last event.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.events.recorded import recorded

NOTIFICATION = recorded("rgw")["multipart_complete"][0]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"


def main() -> None:
    """Prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=8000)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sink:
        asyncio.run(_answer(given.sink))
        return
    broker = EmbeddedBroker({"images": 4})
    for name, measure in (("source", measure_source), ("bridge", measure_bridge)):
        cpu, wall = measure(broker, given.events, given.concurrency)
        print(f"{name}: {1000 * cpu / given.events:.2f} ms CPU per event, {given.events / wall:.0f} events/s")
    broker.close()


def measure_source(broker: EmbeddedBroker, events: int, concurrency: int) -> tuple[float, float]:
    """Seconds of CPU and of wall time."""
    producer = Producer(KafkaSettings(broker.bootstrap))
    for first in range(0, events, 500):
        keys = range(first, min(first + 500, events))
        producer.send_all("images", [(str(key), NOTIFICATION, ()) for key in keys])
    producer.close()
    port, metrics = free_port(), free_port()
    sink = f"http://127.0.0.1:{port}/"
    options = ["--topic", "images", "--sink", sink, "--dead-letter-sink", sink, "--metrics-port", str(metrics)]
    with (
        running([sys.executable, "-m", "tests.benchmarks.delivery", "--sink", str(port)], broker, port),
        running(medpattern("source", *options, "--concurrency", str(concurrency)), broker, metrics) as source,
    ):
        while not delivered(metrics):
            time.sleep(0.005)
        before, begun, already = cpu_seconds(source.pid), time.monotonic(), delivered(metrics)
        while delivered(metrics) < events:
            time.sleep(0.05)
        share = events / (events - already)
        return (cpu_seconds(source.pid) - before) * share, (time.monotonic() - begun) * share


def measure_bridge(broker: EmbeddedBroker, events: int, concurrency: int) -> tuple[float, float]:
    """Seconds of CPU and of wall time."""
    port = free_port()
    with running(medpattern("bridge", "--topic", "images", "--port", str(port)), broker, port) as bridge:
        post(port, 1)
        child = int(Path(f"/proc/{bridge.pid}/task/{bridge.pid}/children").read_text().split()[0])
        before, begun = cpu_seconds(child), time.monotonic()
        threads = [threading.Thread(target=post, args=(port, events // concurrency)) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return cpu_seconds(child) - before, time.monotonic() - begun


def post(port: int, times: int) -> None:
    """Posts one after the other, as an object store does."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(times):
        connection.request("POST", "/", NOTIFICATION)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the bridge answered {answer.status}")


def medpattern(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "medpattern", *arguments]


@contextmanager
def running(command: list[str], broker: EmbeddedBroker, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on `port`, until the block is left."""
    environment = os.environ | {"MEDPATTERN_KAFKA_BOOTSTRAP": broker.bootstrap, "MEDPATTERN_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(command, env=environment)
    try:
        while not listens(port):
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def delivered(port: int) -> float:
    """The source's counter."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("medpattern_source_delivered_total "))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Sink(asyncio.Protocol):
    """Answers every request, whose body comes with its head or soon after, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._left = transport, b""

    def data_received(self, data: bytes) -> None:
        self._left += data
        head, end, rest = self._left.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(rest) >= int(length or 0):
            self._left = rest[int(length or 0) :]
            self._transport.write(ANSWER)


async def _answer(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    await server.wait_closed()


if __name__ == "__main__":
    main()
