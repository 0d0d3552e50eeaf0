"""Names that say nothing: keyed hashes of images and patients.

Every name is HMAC-SHA256 over length-prefixed parts (each part's length as 8 bytes, big-endian, then its
UTF-8 bytes), of which the first says what is named, so that no two sorts of name can ever be equal.

Two keys, since only one of them is ever changed: the *identity key* makes the ids that rows, events and mails
carry, and changing it would score every image again; the *pseudonym key* makes the names that staff see.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one object: what an image is. `version` is the versionId, else the eTag without quotes."""

    bucket: str
    key: str = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys, each at least 32 bytes long."""

    identity: bytes = field(repr=False)
    pseudonym: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("identity", "pseudonym"):
            if len(getattr(self, name)) < SHORTEST_KEY:
                raise ValueError(f"the {name} key is shorter than {SHORTEST_KEY} bytes")

    def image_id(self, image: ObjectVersion) -> str:
        """The id of an image whatever model looks at it (the notification key), 64 hex digits."""
        return _digest(self.identity, "image", image.bucket, image.key, image.version).hex()

    def result_id(self, image: ObjectVersion, model_sha256: str) -> str:
        """The id of the one result of `model_sha256` (hex) for `image`, 64 hex digits."""
        return _digest(self.identity, "result", image.bucket, image.key, image.version, model_sha256).hex()

    def event_id(self, source: str, identifier: str) -> str:
        """The id of an event that names no image, 64 hex digits; a repeat of it has the same one."""
        return _digest(self.identity, "event", source, identifier).hex()

    def image_pseudonym(self, image: ObjectVersion) -> str:
        """The name of an image that staff see: 32 characters of a-z and 2-7, 160 bits."""
        return _readable(_digest(self.pseudonym, "image", image.bucket, image.key, image.version))

    def patient_pseudonym(self, patient_id: str, issuer: str = "") -> str | None:
        """The name of a patient that staff see, None without a patient id; blanks around either mean nothing."""
        if not patient_id.strip():
            return None
        return _readable(_digest(self.pseudonym, "patient", issuer.strip(), patient_id.strip()))


def _digest(key: bytes, *parts: str) -> bytes:
    code = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        code.update(len(data).to_bytes(8, "big") + data)
    return code.digest()


def _readable(digest: bytes) -> str:
    return base64.b32encode(digest[:20]).decode().lower()
