"""Which secrets file is meant, how it has to be kept, and encrypted ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyrage
import pytest

from medpattern.errors import UsageError
from medpattern.secretstore import files
from medpattern.secretstore.encryption import Cipher, encrypt
from tests.fleet.small import another_owner
from tests.secretstore.texts import PLANTED, entry, text

FILE = text(entry(f"- {{name: password, value: {PLANTED}}}\n"))
TEMPLATE = text(entry("- {name: password, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy}\n"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without anything."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("VALUES_SECRET", "SOPS_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def kept(folder: Path, content: str | bytes = FILE, mode: int = 0o600, name: str = "secrets.yaml") -> Path:
    """A file with a mode."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


# ---- which file --------------------------------------------------------------------------------------------------


def test_files_are_looked_for_in_the_frameworks_order(home: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    places = [
        kept(home, name=".config/hybrid-cloud-patterns/values-secret-xray.yaml"),
        kept(home, name=".config/validated-patterns/values-secret-xray.yaml"),
        kept(home, name="values-secret-xray.yaml"),
        kept(home, name="values-secret.yaml"),
        kept(repository, TEMPLATE, name="values-secret.yaml.template"),
    ]

    found = []
    for place in places:
        found.append(files.find(None, "xray", repository))
        place.unlink()

    assert found == places
    with pytest.raises(UsageError, match=r"values-secret-xray.yaml.*name one by --secrets or VALUES_SECRET"):
        files.find(None, "xray", repository)


def test_the_variable_comes_before_all_places_and_the_option_before_the_variable(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(home, name="values-secret.yaml")
    monkeypatch.setenv("VALUES_SECRET", "~/mine.yaml")

    assert files.find(None, "xray", tmp_path) == home / "mine.yaml"
    assert files.find(Path("named.yaml"), "xray", tmp_path) == Path("named.yaml")


# ---- how it is kept ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = kept(tmp_path, mode=mode)

    with pytest.raises(UsageError, match=f"its mode is {mode:04o}.*chmod 600"):
        files.read(path)


def test_a_file_of_its_owner_alone_is_read(tmp_path: Path) -> None:
    assert files.read(kept(tmp_path)).secrets.entries[0].name == "smtp"


def test_a_file_without_values_may_be_seen_by_others(tmp_path: Path) -> None:
    assert not files.read(kept(tmp_path, TEMPLATE, 0o644)).secrets.holds_values


def test_a_tracked_file_is_refused_and_one_that_is_ignored_is_not(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    tracked, ignored = kept(tmp_path), kept(tmp_path, name="ignored.yaml")
    kept(tmp_path, "ignored.yaml\n", name=".gitignore")
    git(tmp_path, "add", "secrets.yaml")

    with pytest.raises(UsageError, match=r"git tracks it.*change every secret"):
        files.read(tracked)
    assert files.read(ignored)


def test_a_work_tree_that_git_refuses_to_look_at_counts_as_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    tracked = kept(tmp_path)
    git(tmp_path, "add", "secrets.yaml")
    another_owner(monkeypatch)

    for looks in (files.read, files.require_outside_git):
        with pytest.raises(UsageError, match=r"git does not say whether it has .*dubious ownership"):
            looks(tracked)


def test_a_tracked_template_without_values_is_read(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    path = kept(tmp_path, TEMPLATE, 0o644)
    git(tmp_path, "add", "secrets.yaml")

    assert files.read(path).secrets.entries


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        files.read(tmp_path / "none.yaml")


# ---- encrypted ---------------------------------------------------------------------------------------------------


def identity(folder: Path, name: str = "keys.txt") -> tuple[Path, str]:
    """A file as age-keygen writes it, and its recipient."""
    key = pyrage.x25519.Identity.generate()
    recipient = str(key.to_public())
    return kept(folder, f"# created: today\n# public key: {recipient}\n{key}\n", name=name), recipient


@pytest.mark.parametrize("armored", [True, False])
def test_a_file_of_age_is_read_with_the_key_that_is_named_wherever_it_is_kept(tmp_path: Path, *, armored: bool) -> None:
    keys, recipient = identity(tmp_path)
    known = pyrage.x25519.Recipient.from_str(recipient)
    path = kept(tmp_path, pyrage.encrypt(FILE.encode(), [known], armored=armored), 0o644, "secrets.age")

    found = files.read(path, [keys])

    value = found.secrets.entries[0].fields[0].value
    assert (found.cipher, value is not None and value.text()) == (Cipher.AGE, PLANTED)


def test_the_key_is_by_default_that_of_sops(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, recipient = identity(home, ".config/sops/age/keys.txt")
    path = kept(tmp_path, encrypt(FILE.encode(), [recipient]), name="secrets.age")
    assert files.read(path).secrets.entries

    elsewhere = tmp_path / "moved.txt"
    keys.rename(elsewhere)
    with pytest.raises(UsageError, match="name the file of your key by --identity"):
        files.read(path)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(elsewhere))
    assert files.read(path).secrets.entries


def test_a_key_that_does_not_fit_and_a_file_without_keys_are_told(tmp_path: Path) -> None:
    _, recipient = identity(tmp_path)
    other, _ = identity(tmp_path, "other.txt")
    path = kept(tmp_path, encrypt(FILE.encode(), [recipient]), name="secrets.age")

    with pytest.raises(UsageError, match="name the file of a key that fits"):
        files.read(path, [other])
    with pytest.raises(UsageError, match="something else than age's secret keys") as caught:
        files.read(path, [kept(tmp_path, f"{PLANTED}\n", name="wrong.txt")])
    assert PLANTED not in str(caught.value)


def test_a_recipient_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="takes a recipient of age"):
        encrypt(b"x", ["age1nobody"])


def test_a_file_of_ansible_vault_is_refused_with_a_way_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ansible-vault view FILE \| age"):
        files.read(kept(tmp_path, "$ANSIBLE_VAULT;1.1;AES256\n6138\n"))


SOPS = "version: ENC[AES256_GCM,data:x,type:str]\nsecrets: []\nsops:\n    mac: ENC[AES256_GCM,data:y,type:str]\n"


def test_without_sops_its_files_say_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError, match=r"no 'sops' on PATH: https://getsops.io"):
        files.read(kept(tmp_path, SOPS))


def test_values_of_sops_without_their_keys_are_no_secrets(tmp_path: Path) -> None:
    cut = FILE.replace(PLANTED, "ENC[AES256_GCM,data:x,type:str]")

    with pytest.raises(UsageError, match="has values of SOPS, but not the part 'sops' with their keys; it is damaged"):
        files.read(kept(tmp_path, cut))


# ---- written -----------------------------------------------------------------------------------------------------


def test_a_file_that_is_written_is_its_owners_alone_whatever_was_there(tmp_path: Path) -> None:
    path = kept(tmp_path, "old", 0o644)

    files.write_private(path, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["secrets.yaml"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        files.write_private(kept(tmp_path, "a file") / "secrets.yaml", b"new")


def test_a_new_plain_file_in_a_work_tree_is_refused_unless_it_is_ignored(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    kept(tmp_path, "ignored.yaml\n", name=".gitignore")

    for new in ("new.yaml", "folder/to/come/new.yaml"):
        with pytest.raises(UsageError, match="in a git work tree, not ignored"):
            files.require_outside_git(tmp_path / new)
    files.require_outside_git(tmp_path / "ignored.yaml")
    files.require_outside_git(tmp_path / "folder/to/come/ignored.yaml")


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"a\nb\n", 0o600), (b"token\n", 0o644)])
def test_a_token_is_one_line_in_a_file_of_its_owner_alone(tmp_path: Path, content: bytes, mode: int) -> None:
    with pytest.raises(UsageError):
        files.read_token(kept(tmp_path, content, mode))
    assert files.read_token(kept(tmp_path, b"token\n")).text() == "token"
