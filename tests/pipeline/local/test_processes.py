"""Processes that belong together: restarted when they die, ended with their parent, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medpattern.pipeline.local.processes import Stage, StageFailedError, StageSpec, wait_ready


def until(predicate: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def modules(tmp_path: Path) -> dict[str, str]:
    """The environment in which the modules of this test are found."""
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(600)\n")
    (tmp_path / "quitter.py").write_text("import sys\nprint('the cause')\nsys.exit(int(sys.argv[1]))\n")
    (tmp_path / "deaf.py").write_text("import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)\n")
    return dict(os.environ) | {"PYTHONPATH": str(tmp_path)}


@pytest.fixture
def stage(tmp_path: Path, modules: dict[str, str]) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(module: str, *arguments: str, ends: bool = False, holds_data: bool = False) -> Stage:
        spec = StageSpec(module, [module, *arguments], modules, ends=ends, holds_data=holds_data)
        made.append(Stage(spec, tmp_path))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.end(1)


def test_a_stage_that_was_killed_is_started_again(stage: Callable[..., Stage]) -> None:
    sleeper = stage("sleeper")
    first = sleeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: sleeper.pid is None)
    assert sleeper.state == "down"
    until(lambda: sleeper.look() or sleeper.pid)
    assert sleeper.pid != first
    assert sleeper.restarts == 1


def test_a_server_that_took_its_data_with_it_ends_the_run(stage: Callable[..., Stage]) -> None:
    server = stage("sleeper", holds_data=True)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(StageFailedError, match="what it held"):
        until(server.look)


def test_a_stage_that_is_told_something_wrong_is_not_tried_again(stage: Callable[..., Stage]) -> None:
    quitter = stage("quitter", "2")
    with pytest.raises(StageFailedError, match="the cause"):
        until(quitter.look)


def test_a_stage_that_may_end_has_ended(stage: Callable[..., Stage]) -> None:
    quitter = stage("quitter", "0", ends=True)
    until(lambda: quitter.look() or quitter.state == "ended")
    assert quitter.restarts == 0


def test_a_stage_that_does_not_answer_in_time_is_named_with_its_log(tmp_path: Path, modules: dict[str, str]) -> None:
    silent = Stage(StageSpec("silent", ["sleeper"], modules, "http://127.0.0.1:9/"), tmp_path)
    silent.start()
    try:
        with pytest.raises(StageFailedError, match=r"silent did not become ready.*silent\.log"):
            wait_ready([silent], 0.3)
    finally:
        silent.end(1)


def test_a_stage_that_is_deaf_to_term_is_killed(stage: Callable[..., Stage]) -> None:
    deaf = stage("deaf")
    pid = deaf.pid
    assert pid is not None
    time.sleep(0.3)
    deaf.end(0.2)
    assert deaf.pid is None
    assert not alive(pid)


def test_a_suspended_stage_goes_on(stage: Callable[..., Stage]) -> None:
    sleeper = stage("sleeper")
    pid = sleeper.pid
    sleeper.suspend(True)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    assert sleeper.state == "suspended"
    sleeper.suspend(False)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_nothing_outlives_a_parent_that_was_killed(tmp_path: Path, modules: dict[str, str]) -> None:
    script = (
        "import os, time, pathlib\n"
        "from medpattern.pipeline.local.processes import Stage, StageSpec\n"
        f"stage = Stage(StageSpec('s', ['sleeper'], dict(os.environ)), pathlib.Path({str(tmp_path)!r}))\n"
        "stage.start()\nprint(stage.pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], env=modules, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    # The child asks for it first thing; until then it is another module that runs.
    until(lambda: b"sleeper" in Path(f"/proc/{child}/cmdline").read_bytes())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not alive(child))
