"""Versions of charts: which are exact, and which of many a range means. As Helm reads them (Masterminds/semver)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from medpattern.errors import UsageError


def newest(versions: Iterable[str], wanted: str) -> str:
    """The newest of `versions` that the range `wanted` takes; "" if none does.

    Args:
        versions: semantic versions, with or without a leading v; what is none is left out.
        wanted: such as "~1.2", "^1", "1.x", ">=1.2 <2", "*"; "" means any. A pre-release is taken only by a range
            that names one.

    Raises:
        UsageError: `wanted` is no range.
    """
    from semantic_version import NpmSpec, Version

    try:
        # Helm takes commas, and blanks behind an operator.
        parts = re.sub(r"([<>=~^])\s+", r"\1", wanted.replace(",", " ")).split()
        spec = NpmSpec(" ".join(part.removeprefix("v") for part in parts) or "*")
    except ValueError:
        cure = "write one as ~1.2, ^1, 1.x or '>=1.2 <2'"
        raise UsageError(f"'{wanted}' is neither a version nor a range of versions; {cure}") from None
    known = {}
    for text in versions:
        try:
            known[Version(text.removeprefix("v"))] = text
        except ValueError:
            continue
    chosen = spec.select(known)
    return known[chosen] if chosen else ""


def is_floating(version: str) -> bool:
    """Whether `version` may mean another chart tomorrow: anything that is not one semantic version."""
    from semantic_version import Version

    try:
        Version(version.removeprefix("v"))
    except ValueError:
        return True
    return False
