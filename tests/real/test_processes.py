"""Processes of tests start, tell of themselves, and end with all that they started; their clock can be moved."""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.real.servers.clock import Clock
from tests.real.servers.ports import free_ports, listening
from tests.real.servers.processes import Process, until
from tests.real.servers.programs import FailedError, MissingError, program

CLOCKS = "import time; print(time.time(), time.monotonic(), flush=True)"
TICKING = f"while True: exec({CLOCKS!r}); __import__('time').sleep(0.05)"


def test_a_process_whose_clock_is_set_back_keeps_its_monotonic_clock(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    command = [sys.executable, "-c", TICKING]
    process = Process("ticking", command, tmp_path / "ticking.log", environment=clock.environment)

    def shown() -> list[tuple[float, float]]:
        lines = [line.split() for line in process.text().splitlines(keepends=True) if line.endswith("\n")]
        return [(float(wall), float(monotonic)) for wall, monotonic in lines]

    process.start()
    try:
        until(shown, "the process to show its clocks")
        clock.set_back(timedelta(hours=1))
        until(lambda: time.time() - shown()[-1][0] > 3590, "the clock to be back by an hour")
    finally:
        process.stop()
    walls, monotonics = zip(*shown(), strict=True)
    assert abs(datetime.now(UTC).timestamp() - walls[0]) < 60
    assert list(monotonics) == sorted(monotonics)


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    process = Process("parent", ["/bin/sh", "-c", "sleep 600 & sleep 600"], tmp_path / "log").start()
    until(lambda: len(process.children()) == 2, "two children")
    children = process.children()
    process.kill()
    process.stop()
    until(lambda: not any(_running(child) for child in children), "the children to end")


def test_a_process_that_ends_instead_of_becoming_ready_is_told_with_its_last_words(tmp_path: Path) -> None:
    process = Process("broken", ["/bin/sh", "-c", "echo no such model; exit 3"], tmp_path / "log")
    with pytest.raises(FailedError, match=r"(?s)broken ended with 3.*no such model"):
        process.start().wait_ready(lambda: False)


def test_a_process_is_not_started_where_it_would_die_with_a_thread(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    process = Process("sleep", ["/bin/sleep", "600"], tmp_path / "log")

    def start() -> None:
        try:
            process.start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])
    assert not process.alive


def test_a_program_that_is_not_there_is_named_with_what_brings_it() -> None:
    with pytest.raises(MissingError, match=r"no-such-program \(Debian: no-such-package\); run .ci/install_real.sh"):
        program("no-such-program", "no-such-package")


def test_ports_are_given_once_and_nobody_listens_there() -> None:
    given = free_ports(20) + free_ports(20)
    assert len(set(given)) == 40
    assert not any(map(listening, given))


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
