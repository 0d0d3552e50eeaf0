"""Secrets files that are encrypted: with age (https://age-encryption.org/v1) or with SOPS (https://getsops.io)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from medpattern.errors import UsageError

# Where SOPS looks for age's secret keys.
KEY_FILE = "SOPS_AGE_KEY_FILE"
SOPS_SECONDS = 60

_AGE = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_SOPS = re.compile(rb"^sops:\s*$", re.MULTILINE)
_SOPS_JSON = re.compile(rb'^\s*"sops":\s*\{', re.MULTILINE)


class Cipher(StrEnum):
    """How a file is encrypted."""

    NONE = "none"
    AGE = "age"
    SOPS = "sops"
    ANSIBLE = "ansible-vault"


def cipher_of(content: bytes) -> Cipher:
    """How a file is encrypted, by its first bytes, or by the part that SOPS adds."""
    if content.startswith(_AGE):
        return Cipher.AGE
    if content.startswith(b"$ANSIBLE_VAULT"):
        return Cipher.ANSIBLE
    if (_SOPS.search(content) or _SOPS_JSON.search(content)) and b"ENC[" in content:
        return Cipher.SOPS
    return Cipher.NONE


def decrypt(path: Path, content: bytes, cipher: Cipher, identities: Sequence[Path] = ()) -> bytes:
    """The text of an encrypted file; it is written nowhere.

    Args:
        path: of the file, for messages and for SOPS.
        content: its bytes.
        cipher: how it is encrypted.
        identities: files with age's secret keys.

    Raises:
        UsageError: no key fits, or what decrypts is not installed.
    """
    if cipher is Cipher.AGE:
        return _of_age(path, content, identities)
    if cipher is Cipher.SOPS:
        return _of_sops(path, identities)
    raise UsageError(
        f"{path} is encrypted with Ansible Vault, which medpattern does not read; 'ansible-vault view FILE | age -r "
        "RECIPIENT -o NEW' keeps it encrypted, with age"
    )


def encrypt(content: bytes, recipients: Sequence[str]) -> bytes:
    """`content` encrypted with age for some recipients ("age1..."), as text.

    Raises:
        UsageError: a recipient is none, or pyrage is not installed.
    """
    pyrage = _pyrage()
    try:
        known = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    except pyrage.RecipientError:
        raise UsageError("--age takes a recipient of age, as 'age-keygen -y' prints it: age1...") from None
    return bytes(pyrage.encrypt(content, known, armored=True))


def _pyrage() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError:
        raise UsageError("files encrypted with age can be read with: pip install 'medpattern[secrets]'") from None
    return pyrage


def _of_age(path: Path, content: bytes, identities: Sequence[Path]) -> bytes:
    pyrage = _pyrage()
    known = [key for file in identities or _default_identities() for key in _keys(file, pyrage)]
    if not known:
        raise UsageError(f"{path} is encrypted with age; name the file of your key by --identity or {KEY_FILE}")
    try:
        return bytes(pyrage.decrypt(content, known))
    except pyrage.DecryptError as error:
        raise UsageError(
            f"{path} cannot be decrypted: {error}; name the file of a key that fits by --identity"
        ) from None


def _default_identities() -> list[Path]:
    named = os.environ.get(KEY_FILE)
    file = Path(named).expanduser() if named else Path.home() / ".config/sops/age/keys.txt"
    return [file] if file.is_file() or named else []


def _keys(file: Path, pyrage: Any) -> list[Any]:
    """The keys in a file of age-keygen: one a line, with comments."""
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read; it should be the file that age-keygen wrote") from None
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        raise UsageError(
            f"{file} holds something else than age's secret keys, which begin with AGE-SECRET-KEY-1"
        ) from None


def _of_sops(path: Path, identities: Sequence[Path]) -> bytes:
    program = shutil.which("sops")
    if program is None:
        raise UsageError(f"{path} is encrypted with SOPS, and there is no 'sops' on PATH: https://getsops.io")
    named = {KEY_FILE: str(identities[0])} if identities else {}
    command = [program, "decrypt", "--input-type", _type(path), "--output-type", "yaml", str(path)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, check=False, timeout=SOPS_SECONDS, env={**os.environ, **named}
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"sops did not decrypt {path} within {SOPS_SECONDS} s; does its key service answer?") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise UsageError(f"sops could not decrypt {path}: {said[:500]}")
    return done.stdout


def _type(path: Path) -> str:
    return "json" if path.suffix == ".json" else "yaml"
