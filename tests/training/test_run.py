"""Networks are fitted in processes of their own: none goes on when the training is over, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medpattern.errors import UsageError
from medpattern.training import run
from medpattern.training.run import finished_answers
from medpattern.training.workplace import Workplace
from tests.fleet.small import CHECKOUT
from tests.training.drawn import data_set, interruptible, small_settings

# Seconds; far more than is needed, so that only what never ends fails.
PATIENCE = 900
# Two steps that would go on for an hour, each in a process of its own that tells its number.
LONG = """
import os, sys, time
from dataclasses import dataclass
from pathlib import Path

from medpattern.training import run

@dataclass(frozen=True)
class Place:
    folder: str

def step(place, name):
    part = Path(place.folder, f"{name}.part")
    part.write_text(str(os.getpid()))
    part.rename(Path(place.folder, name))
    time.sleep(3600)

if __name__ == "__main__":
    run._step = step
    with run._pool(2) as pool:
        run._finished(pool, Place(sys.argv[1]), ["0", "1"])
"""


@pytest.fixture
def working(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process whose two workers are at work, and their numbers."""
    script = tmp_path / "long.py"
    script.write_text(LONG, "utf-8")
    with interruptible():
        parent = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        files = [tmp_path / "0", tmp_path / "1"]
        wait_until(lambda: parent.poll() is not None or all(file.exists() for file in files))
        assert parent.poll() is None, parent.stderr.read() if parent.stderr else ""
        yield parent, [int(file.read_text()) for file in files]
    finally:
        parent.kill()
        parent.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def gone(process: int) -> bool:
    """Whether the process has ended; one that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_training(blow: signal.Signals, working: tuple[subprocess.Popen[str], list[int]]) -> None:
    parent, workers = working

    parent.send_signal(blow)

    parent.wait(PATIENCE)
    wait_until(lambda: all(gone(worker) for worker in workers))


def test_a_step_that_fails_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Workplace(tmp_path / "run", small_settings(), tmp_path / "nowhere")

    with pytest.raises(UsageError, match=r"there is no .*nowhere"), run._pool(1) as pool:
        run._finished(pool, place, ["fold-0", "fold-1"])


def test_answers_of_an_unfinished_training_are_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "run", small_settings(), data_set(tmp_path / "data"))
    place.begin()

    with pytest.raises(UsageError, match="is not finished; call medpattern model train again"):
        finished_answers(place)
