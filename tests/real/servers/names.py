"""Names that no other test has: servers are shared by tests, and by runs that were broken off."""

from __future__ import annotations

import secrets


def unique(prefix: str = "t") -> str:
    """A name that is valid for a bucket, a topic, a group and a host."""
    return f"{prefix}-{secrets.token_hex(5)}"


def unique_identifier(prefix: str = "t") -> str:
    """A name that SQL takes without quotes."""
    return f"{prefix}_{secrets.token_hex(5)}"
