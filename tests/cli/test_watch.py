"""`render --watch` in a process of its own: it renders what a saved file touches, and ends with Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fleet.small import CHECKOUT, copy_small, edit

PATIENCE = 30.0


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    root = copy_small(tmp_path)
    command = [sys.executable, "-m", "medpattern", "render", "--watch"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    with (tmp_path / "talk").open("wb") as talk:
        process = subprocess.Popen(command, cwd=root, stdout=talk, stderr=talk, env=environment)
        yield root, process
        if process.poll() is None:
            process.kill()
        process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits until `condition()` is true; the test fails with `what` if it never is."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_it_renders_at_once_and_after_each_save(watching: tuple[Path, subprocess.Popen[bytes]]) -> None:
    root, process = watching
    values = root / "rendered/west/charts/viewer/values.yaml"
    talk = root.parent / "talk"
    until((root / "rendered/hub/RECEIPT.json").is_file, "nothing was rendered at the start")
    until(lambda: b"created" in talk.read_bytes(), "the first render was not told")

    edit(root, "values/values-ward.yaml", "title: Ward", "title: Station")
    until(lambda: b"Station" in values.read_bytes(), "the saved file changed nothing")

    edit(root, "values/values-ward.yaml", "title: Station", "title: [Station")
    until(lambda: b"yaml-syntax" in talk.read_bytes(), "an error was not told")
    assert process.poll() is None, "an error must not end it"

    edit(root, "values/values-ward.yaml", "title: [Station", "title: Wing")
    until(lambda: b"Wing" in values.read_bytes(), "it did not go on after the error")

    # The file comes before the report: only then is it waiting again, as it is when a person ends it.
    until(lambda: talk.read_bytes().count(b" files in rendered") == 3, "the third render was not told")

    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert b"Traceback" not in talk.read_bytes()
