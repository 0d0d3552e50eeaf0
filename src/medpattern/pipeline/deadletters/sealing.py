"""Authenticated encryption of the events that a dead letter keeps.

An event names the object, and an object's key may name a patient. So it lies in the topic and in the database
as AES-256-GCM under a key of its own, which the service does not have.

    version (1 byte: 1) | nonce (12 bytes, random) | ciphertext and tag

The key is HKDF-SHA256 (RFC 5869) of the secret's text; the dead letter's id is the associated data, so that a
sealed event cannot be moved to another letter.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

VERSION = b"\x01"
_NONCE = 12
_INFO = b"medpattern dead letter 1"


class SealBroken(Exception):  # noqa: N818  (it names what happened)
    """No key that is known opens it: sealed with another key, or tampered with."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals with the first of the `secrets`, opens with any: the others are keys that were in use before."""

    secrets: Sequence[bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.secrets:
            raise ValueError("a seal without a key")

    def close(self, content: bytes, letter_id: str) -> bytes:
        """`content`, sealed for the letter `letter_id`; 29 bytes longer."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        return VERSION + nonce + AESGCM(_key(self.secrets[0])).encrypt(nonce, content, _bound(letter_id))

    def open(self, sealed: bytes, letter_id: str) -> bytes:
        """What was sealed for the letter `letter_id`.

        Raises:
            SealBroken: by none of the keys, or not for this letter, or changed by a single bit.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if sealed[:1] != VERSION or len(sealed) <= 1 + _NONCE:
            raise SealBroken("not a sealed event of this program")
        nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        for secret in self.secrets:
            try:
                return AESGCM(_key(secret)).decrypt(nonce, rest, _bound(letter_id))
            except InvalidTag:
                continue
        raise SealBroken("no key opens it")


def _bound(letter_id: str) -> bytes:
    return VERSION + letter_id.encode()


def _key(secret: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret)
