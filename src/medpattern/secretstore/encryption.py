"""Secrets files that are encrypted: with age (https://age-encryption.org/v1) or with SOPS (https://getsops.io)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
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
_SOPS_VALUE = b"ENC[AES256_GCM,"
# https://github.com/getsops/sops/blob/v3.13.3/cmd/sops/codes/codes.go
_SOPS_CHANGED, _SOPS_WITHOUT_KEY = (25, 51), 128
_NO_KEY = "No matching keys"
_RESTORE = "it is damaged: take it from git or a backup again"
_BORDER = re.compile(r"^[\s-]*\| ", re.MULTILINE)


class Cipher(StrEnum):
    """How a file is encrypted."""

    NONE = "none"
    AGE = "age"
    SOPS = "sops"
    ANSIBLE = "ansible-vault"


def cipher_of(content: bytes) -> Cipher:
    """How a file is encrypted, by its first bytes, or by the part that SOPS adds.

    What has values of SOPS without that part is a file of SOPS too, which lost its end: those are no secrets.
    """
    if content.startswith(_AGE):
        return Cipher.AGE
    if content.startswith(b"$ANSIBLE_VAULT"):
        return Cipher.ANSIBLE
    if _SOPS_VALUE in content:
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
        return _of_sops(path, content, identities)
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
        said = str(error).partition("\n")[0].rstrip(".")
        cure = "name the file of a key that fits by --identity" if _NO_KEY in said else _RESTORE
        raise UsageError(f"{path} cannot be decrypted: {said}; {cure}") from None


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


def _of_sops(path: Path, content: bytes, identities: Sequence[Path]) -> bytes:
    if not (_SOPS.search(content) or _SOPS_JSON.search(content)):
        raise UsageError(f"{path} has values of SOPS, but not the part 'sops' with their keys; {_RESTORE}")
    program = shutil.which("sops")
    if program is None:
        raise UsageError(
            f"{path} is encrypted with SOPS, and there is no 'sops' on PATH: https://getsops.io (3.9 or later)"
        )
    kind, to = _types(content)
    command = [program, "decrypt", "--input-type", kind, "--output-type", to, str(path.absolute())]
    for named in [{KEY_FILE: str(file)} for file in identities] or [{}]:  # it takes one file of keys at a time
        done = _run(path, command, named)
        if done.returncode != _SOPS_WITHOUT_KEY:
            break
    if done.returncode:
        raise UsageError(_refusal(path, done.returncode, done.stderr.decode("utf-8", "replace")))
    return done.stdout


def _run(path: Path, command: list[str], named: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SOPS_SECONDS,
            env={**os.environ, **named},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UsageError(f"sops did not decrypt {path} within {SOPS_SECONDS} s; does its key service answer?") from None


def _types(content: bytes) -> tuple[str, str]:
    """How SOPS is to read the file, and write it: a name that it does not know makes it encrypt a file as one value."""
    if not content.lstrip().startswith(b"{"):
        return "yaml", "yaml"
    try:
        keys = set(json.loads(content))
    except ValueError:  # SOPS may say what is wrong with it
        keys = set()
    return ("binary", "binary") if keys == {"data", "sops"} else ("json", "yaml")


def _refusal(path: Path, code: int, said: str) -> str:
    """Why SOPS did not decrypt a file. Only its words about keys are passed on, which name where it looked for them.

    Others quote values that somebody left unencrypted, and digests of those that are not.
    """
    if code in _SOPS_CHANGED:
        return (
            f"{path} was changed by something else than sops (its exit code is {code}); take it from git or a backup "
            "again, and change it by 'sops edit'"
        )
    if code == _SOPS_WITHOUT_KEY:
        reasons = " ".join(_BORDER.sub("", said.partition("\n\nRecovery failed")[0]).split())
        return (
            f"sops has no key for {path}; name the file of one that fits by --identity or {KEY_FILE}. {reasons[:800]}"
        )
    return f"sops did not decrypt {path} and ended with {code}; 'sops decrypt {path} >/dev/null' shows why"
