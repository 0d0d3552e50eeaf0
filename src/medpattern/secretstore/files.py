"""Which secrets file is meant, whether it is kept as it should be, and its text, decrypted."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from medpattern.errors import UsageError
from medpattern.secretstore.encryption import Cipher, cipher_of, decrypt
from medpattern.secretstore.format import SecretsFile
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.parsing import read_secrets
from medpattern.tree.history import git_output, git_refusal

VARIABLE = "VALUES_SECRET"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Kept:
    """A secrets file, where it lies, how it is encrypted, what it says, and its text, decrypted."""

    path: Path
    cipher: Cipher
    secrets: SecretsFile
    text: Hidden


def candidates(pattern: str, root: Path) -> tuple[Path, ...]:
    """Where the framework looks for the secrets file of a pattern, in its order.

    Args:
        pattern: `global.pattern` of the values.
        root: of the repository, whose template comes last.
    """
    home = Path.home()
    return (
        home / ".config/hybrid-cloud-patterns" / f"values-secret-{pattern}.yaml",
        home / ".config/validated-patterns" / f"values-secret-{pattern}.yaml",
        home / f"values-secret-{pattern}.yaml",
        home / "values-secret.yaml",
        root / "values-secret.yaml.template",
    )


def find(named: Path | None, pattern: str, root: Path) -> Path:
    """The secrets file: the one that is named, that of the variable VALUES_SECRET, or the first that is there.

    Raises:
        UsageError: there is none.
    """
    if named is not None:
        return named
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    places = candidates(pattern, root)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(map(str, places))
        raise UsageError(f"there is no secrets file: looked for {looked}; name one by --secrets or {VARIABLE}")
    return found


def read(path: Path, identities: Sequence[Path] = ()) -> Kept:
    """Reads a secrets file and refuses one that others can see.

    Args:
        path: of the file: plain, encrypted with age, or with SOPS.
        identities: files with age's secret keys; by default those of SOPS.

    Raises:
        UsageError: it cannot be read or decrypted, or is kept where others see what stands in it.
        InputError: all that is wrong with its text.
    """
    content = _bytes(path)
    cipher = cipher_of(content)
    plain = content if cipher is Cipher.NONE else decrypt(path, content, cipher, identities)
    kept = Kept(path, cipher, read_secrets(str(path), plain), Hidden(plain))
    if cipher is Cipher.NONE and kept.secrets.holds_values:
        require_private(path)
        require_untracked(path)
    return kept


def read_token(path: Path) -> Hidden:
    """The one line of a file that holds a token.

    Raises:
        UsageError: it cannot be read, is empty, or others can read it.
    """
    content = _bytes(path).strip()
    if not content or b"\n" in content:
        raise UsageError(f"{path} should hold one line, a token")
    require_private(path)
    return Hidden(content)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def require_private(path: Path) -> None:
    """Refuses a file that its group or everybody can read.

    Raises:
        UsageError: they can.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        raise UsageError(
            f"{path} holds secrets and its mode is {mode:04o}, so that others can use it; chmod 600 {path}"
        )


def require_untracked(path: Path) -> None:
    """Refuses a file that git has.

    Raises:
        UsageError: it does.
    """
    if _git(path, "ls-files", "--error-unmatch"):
        raise UsageError(
            f"{path} holds secrets and git tracks it: 'git rm --cached {path.name}', change every secret in it (the "
            "history keeps them), and keep the file elsewhere, or encrypted with age or SOPS"
        )


def require_outside_git(path: Path) -> None:
    """Refuses a new plain file where the next `git add` would take it.

    Raises:
        UsageError: it would lie in a work tree, not ignored.
    """
    if _git(path, "ls-files") and not _git(path, "check-ignore", "--quiet"):
        raise UsageError(
            f"{path} would lie in a git work tree, not ignored; name a file elsewhere, or encrypt with --age"
        )


def _git(path: Path, *arguments: str) -> bool:
    """Whether git says yes of `path`; a machine without git has no repository.

    Asked in the nearest folder that is there, since the file's own may be yet to be made.

    Raises:
        UsageError: git refuses to look.
    """
    whole = path.resolve()
    folder = next(one for one in whole.parents if one.is_dir())
    if words := git_refusal(folder):
        raise UsageError(f"git does not say whether it has {path}: {words}")
    return git_output(folder, *arguments, "--", str(whole)) is not None


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read; it is there whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):  # as where the folder is a file
            part.unlink(missing_ok=True)
