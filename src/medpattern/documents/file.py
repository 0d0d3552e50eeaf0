"""The content of one file to be written, with its sha256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class File:
    """`content` and its sha256 in hexadecimal, computed once however many clusters share it."""

    content: bytes
    digest: str

    @classmethod
    def of(cls, content: str | bytes) -> File:
        """The file with `content`; text becomes UTF-8."""
        raw = content.encode() if isinstance(content, str) else content
        return cls(raw, sha256(raw).hexdigest())


def lay_out(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes `contents`, by name relative to `folder`, where nobody else reads or writes yet.

    Raises:
        OSError: a file cannot be written.
    """
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
