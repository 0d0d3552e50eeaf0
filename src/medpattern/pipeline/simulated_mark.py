"""The mark by which the service tells objects of the simulator from films of people.

It stands in the object's metadata under `METADATA_NAME` and depends on the bucket, the key and the bytes, so
that it cannot be carried over to another object.
"""

from __future__ import annotations

import hashlib
import hmac

METADATA_NAME = "simulated"


def make_mark(mark_key: bytes, bucket: str, key: str, data: bytes) -> str:
    """HMAC-SHA256 with `mark_key` over bucket, object key and the SHA-256 of the object's bytes, as 64 hex digits.

    Each of the three is preceded by its length in bytes (8 bytes, big-endian); texts are UTF-8. Raises
    ValueError where `mark_key` has fewer than 32 bytes.
    """
    if len(mark_key) < 32:
        raise ValueError("the simulator's mark key must have at least 32 bytes")
    parts = (bucket.encode(), key.encode(), hashlib.sha256(data).digest())
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(mark_key, message, hashlib.sha256).hexdigest()


def verify_mark(mark: str, mark_key: bytes, bucket: str, key: str, data: bytes) -> bool:
    """Whether `mark` is the one that `make_mark` gives for this object; any text is a valid question."""
    expected = make_mark(mark_key, bucket, key, data)
    return hmac.compare_digest(expected.encode(), mark.encode("utf-8", "replace"))
