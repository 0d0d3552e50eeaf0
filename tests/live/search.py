"""Looks for a value wherever it may have got to: in files, archives and git objects, plain and in the usual coats."""

from __future__ import annotations

import base64
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote


def forms(value: str) -> set[bytes]:
    """A value as it is, in hex, in base64 (also in the middle of a longer text), in JSON, in a URL."""
    plain = value.encode()
    coats = {plain, plain.hex().encode(), quote(value, safe="").encode(), json.dumps(value)[1:-1].encode()}
    # Go writes these three so in JSON.
    coats.add("".join(f"\\u{ord(one):04x}" if one in "<>&" else one for one in value).encode())
    for before in range(3):
        coded = base64.b64encode(bytes(before) + plain)
        whole = coded[(before * 8 + 5) // 6 : (before + len(plain)) * 8 // 6]
        coats |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return coats


def places(values: Iterable[str], *roots: Path) -> list[str]:
    """Where below the roots a value is, as "PATH: COAT"; what stands in an archive is named by the archive.

    The sockets and pipes of servers are passed over.
    """
    wanted = {coat for value in values for coat in forms(value)}
    return [f"{name}: {coat!r}" for root in roots for name, text in texts(root) for coat in wanted if coat in text]


def texts(root: Path) -> Iterator[tuple[str, bytes]]:
    """Each file at or below a path, what archives hold, and the objects of each git repository."""
    for path in [root, *sorted(root.rglob("*"))]:
        if path.name == "objects" and path.is_dir():
            yield f"git objects of {path.parent}", git_objects(path.parent)
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
            yield from ((f"{path}!{name}", text) for name, text in unpacked(path))


def unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files in a zip or tar archive, compressed or not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif path.name.endswith((".tar", ".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if file := archive.extractfile(member):
                    yield member.name, file.read()


def git_objects(repository: Path) -> bytes:
    """Every object of a repository, also those that no branch has."""
    command = ["git", "-c", "safe.directory=*", "--git-dir", repository, "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, capture_output=True, check=True).stdout
