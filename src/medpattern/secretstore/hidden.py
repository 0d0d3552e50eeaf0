"""A value that is never shown: not in a message, a log, a traceback with its variables, or a pickle."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Hidden:
    """Bytes behind `reveal`. What calls that hands them to a server or a file, and keeps nothing."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes | str) -> None:
        self._content = content.encode() if isinstance(content, str) else content

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._content

    def text(self) -> str:
        """The bytes as UTF-8; `ValueError`, which quotes nothing, if they are none."""
        try:
            return self._content.decode()
        except UnicodeDecodeError:
            pass
        # Raised here, since the other error carries the bytes.
        raise ValueError("the value is not UTF-8")

    def __len__(self) -> int:
        return len(self._content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and hmac.compare_digest(self._content, other._content)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hidden value is not written down")
