"""A file system of a given size, to fill up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.servers.programs import MissingError, program, run


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """`folder` as a mounted tmpfs of that size, writable for all; unmounted, with all that is in it, at the end."""
    if os.geteuid() != 0:
        raise MissingError("a file system of limited size can only be mounted by root; run these tests as root")
    folder.mkdir(parents=True, exist_ok=True)
    run(program("mount", "mount"), "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "medpattern-tests", folder)
    try:
        yield folder
    finally:
        # Lazily: a process that is about to end may still have a file open.
        run(program("umount", "mount"), "-l", folder)


def fill(folder: Path) -> Path:
    """Leave no byte free below `folder`; delete the file that is returned to end it."""
    full = folder / "filled"
    try:
        with full.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                _write_all(file.fileno(), size)
    except OSError:
        pass
    return full


def _write_all(descriptor: int, size: int) -> None:
    try:
        while True:
            os.write(descriptor, bytes(size))
    except OSError:
        return
