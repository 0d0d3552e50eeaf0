"""Notifications as real object stores sent them; samples/*.json say which and when."""

from __future__ import annotations

import json
from pathlib import Path

_SAMPLES = Path(__file__).parent / "samples"


def recorded(store: str) -> dict[str, list[bytes]]:
    """The messages of `store` (rgw, minio, versitygw) by what was done; those of rgw are the very bytes."""
    cases = json.loads((_SAMPLES / f"{store}.json").read_text("utf-8"))["cases"]
    if store == "rgw":
        return {name: [body.encode()] for name, body in cases.items()}
    return {name: [json.dumps(message).encode() for message in messages] for name, messages in cases.items()}
