"""Golden outputs: files that a reviewer reads, compared byte for byte.

After a wanted change: MEDPATTERN_WRITE_GOLDEN=1 python -m pytest tests -k golden, then read the diff.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from medpattern.documents.file import lay_out


def compare(folder: Path, files: Mapping[str, bytes]) -> None:
    """Asserts that `folder` holds exactly `files`."""
    if os.environ.get("MEDPATTERN_WRITE_GOLDEN"):
        shutil.rmtree(folder, ignore_errors=True)
        lay_out(folder, files)
    known = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert known.keys() == files.keys()
    for name, content in files.items():
        assert content.decode() == known[name].decode(), name
