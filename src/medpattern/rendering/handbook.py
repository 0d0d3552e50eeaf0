"""docs/findings.md, which says of each finding's code what it means, why, and how to mend it."""

from __future__ import annotations

import re
from functools import cache

from medpattern.charts.files import builtin_folder
from medpattern.errors import UsageError
from medpattern.findings import did_you_mean

_HEADING = re.compile(r"^### `([a-z0-9-]+)`\n", re.MULTILINE)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


@cache
def sections() -> dict[str, str]:
    """The text below each code's heading; the file lies in the wheel, or in this checkout."""
    text = (builtin_folder() / "docs" / "findings.md").read_text("utf-8")
    parts = _HEADING.split(text)
    # A section ends at the next heading of any level.
    return {code: re.split(r"^#{1,3} ", body, flags=re.MULTILINE)[0].strip() for code, body in _pairs(parts[1:])}


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    return list(zip(parts[::2], parts[1::2], strict=True))


def section(code: str) -> str:
    """What docs/findings.md says of `code`.

    Raises:
        UsageError: no finding has that code.
    """
    if code not in sections():
        raise UsageError(f"no finding has the code '{code}'; {did_you_mean(code, sections())}")
    return sections()[code]


def in_short(code: str) -> str:
    """The first paragraph of a section as plain text on one line; "" for a code that has none."""
    paragraph = sections().get(code, "").partition("\n\n")[0]
    return _LINK.sub(r"\1", " ".join(paragraph.split()))
