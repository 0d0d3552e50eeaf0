"""The content of one file to be written, with its sha256."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256


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
