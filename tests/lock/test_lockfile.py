from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.errors import InputError
from medpattern.lock.lockfile import Lock, Locked, read_lock
from medpattern.lock.pins import Pin, PinKind

DIGEST = "sha256:" + "ab" * 32
PINS = {
    Pin(PinKind.IMAGE, "registry.example.org/team/image", "", "1.0"): Locked(DIGEST),
    Pin(PinKind.CHART, "https://charts.example.org", "reports", "1.2.3"): Locked(DIGEST, "~1.2"),
    Pin(PinKind.GIT, "https://git.example.org/a.git", "", "v1"): Locked("12" * 20),
}


def test_it_reads_what_it_writes(tmp_path: Path) -> None:
    lock = Lock("values/lock.yaml", PINS)
    (tmp_path / "values").mkdir()
    (tmp_path / lock.file).write_text(lock.text(), "utf-8")
    assert read_lock(tmp_path, "values") == lock


def test_the_order_of_pins_does_not_show() -> None:
    assert Lock("lock.yaml", PINS).text() == Lock("lock.yaml", dict(reversed(PINS.items()))).text()


def test_no_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path, "values") == Lock("values/lock.yaml")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("resolved: sha256:" + "ab" * 32, "resolved: sha256:short", 9),
        ("  name: reports\n", "", 4),
        ("version: 1\n", "version: 2\n", 2),
        ("kind: git", "kind: got", 10),
    ],
    ids=["a cut digest", "a chart without its name", "another format", "an unknown kind"],
)
def test_a_file_that_was_edited_by_hand_is_refused_at_its_line(tmp_path: Path, old: str, new: str, line: int) -> None:
    text = Lock("lock.yaml", PINS).text()
    assert old in text
    (tmp_path / "lock.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError) as refusal:
        read_lock(tmp_path, ".")
    found = refusal.value.findings[0]
    assert (found.code, found.place.file, found.place.line) == ("lock-file", "lock.yaml", line)
    assert found.cure
