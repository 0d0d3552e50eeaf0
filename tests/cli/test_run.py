"""`medpattern run` as a user starts it: real processes, embedded servers."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "medpattern", "run"]


def run(*arguments: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=seconds)


def left_behind(folder: Path) -> list[str]:
    """Processes that still know the run's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in process.read_bytes():
                found.append(process.parent.name)
        except OSError:
            continue
    return found


def test_every_film_has_its_outcome_and_the_books_say_so(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = run("--count", "12", "--rate", "0", "--dir", str(folder), "--output", "json", "--no-page")
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)
    assert books["stored"] == books["results"] + books["deadLetters"] + books["superseded"] == 12
    assert sum(books["outcomes"].values()) == books["results"]
    assert books["notifications"] == books["outcomes"].get("pneumonia", 0)
    assert books["embedded"] == ["object store", "broker", "database"]
    assert left_behind(folder) == []
    # Drawn films carry the simulator's mark: the model's gate, which knows them for drawings, lets these pass.
    with closing(sqlite3.connect(folder / "results.sqlite")) as database:
        rows = database.execute("select simulated, risk is null, reason from results").fetchall()
    assert {(simulated, refused) for simulated, refused, _ in rows} == {(1, 0)}
    assert "not-a-frontal-chest-film" not in {reason for _, _, reason in rows}
    # What may identify is in files that only their owner reads.
    assert (folder / "keys" / "identity").stat().st_mode & 0o077 == 0


def test_ctrl_c_finishes_what_is_stored_and_ends_with_the_books(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with (tmp_path / "out").open("w") as out, (tmp_path / "talk").open("w") as talk:
        process = subprocess.Popen(
            [*COMMAND, "--rate", "3", "--dir", str(folder), "--output", "json"], stdout=out, stderr=talk
        )
        state = folder / "state.json"
        deadline = time.monotonic() + 120
        while not (state.exists() and json.loads(state.read_text())["stored"] >= 3):
            assert process.poll() is None, (tmp_path / "talk").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        page = (tmp_path / "talk").read_text().split("page: ")[1].split()[0]
        with urllib.request.urlopen(page) as answer:
            assert b"not for diagnosis" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, (tmp_path / "talk").read_text()
    books = json.loads((tmp_path / "out").read_text())
    assert books["accounted"] is True
    assert books["stored"] >= 3
    assert left_behind(folder) == []


def test_films_that_are_none_become_dead_letters_and_are_accounted_for(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (films / "DOE^JANE.png").write_bytes(b"no picture")
    done = run("--images", str(films), "--count", "3", "--rate", "0", "--no-page", "--output", "json")
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)
    assert (books["stored"], books["deadLetters"], books["results"]) == (3, 3, 0)
    assert "DOE" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kafka", "127.0.0.1:9"], "kafka is unavailable"),
        (["--s3", "http://127.0.0.1:9"], "s3 is unavailable"),
        (["--database", "mysql://x"], "postgresql or sqlite"),
        (["--database", "nonsense"], "URL"),
    ],
)
def test_a_server_that_is_not_there_ends_the_run_with_its_name(arguments: list[str], words: str) -> None:
    done = run("--count", "1", "--no-page", *arguments)
    assert done.returncode in (2, 3)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    done = run("--count", "1", "--dir", str(tmp_path))
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
