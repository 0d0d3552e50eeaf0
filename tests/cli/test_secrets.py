"""`medpattern secrets` as a user sees it. What it does to servers is in tests/live/test_secrets.py."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tests.fleet.small import Result, medpattern
from tests.real.servers.ports import free_port
from tests.secretstore.clusters import OBJECTS
from tests.secretstore.texts import PLANTED, PREFIX, entry, text
from tests.validation.notes import repository

G = "onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"
SMTP = entry(f"- {{name: user, value: mailer}}\n- {{name: password, value: {PLANTED}}}\n")
DATABASE = entry(f"- {{name: service, {G}}}\n", "database")
RELAY = "- name: relay-ca\n  targetNamespaces: [notes]\n  fields: [{name: ca.crt, path: CA}]\n"


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KUBECONFIG", str(home / "none"))
    for name in ("VALUES_SECRET", "SOPS_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the clusters north and south, each with the objects of tests/secretstore."""
    return repository(tmp_path / "repository", template=OBJECTS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A secrets file that has everything that a cluster reads."""
    (tmp_path / "ca.pem").write_text("CA")
    return written(tmp_path, SMTP + DATABASE + RELAY.replace("CA}", f"{tmp_path}/ca.pem}}"))


def written(folder: Path, entries: str, mode: int = 0o600) -> Path:
    """A secrets file."""
    path = folder / "secrets.yaml"
    path.write_text(text(entries))
    path.chmod(mode)
    return path


def secrets(*arguments: str | Path, root: Path) -> Result:
    """The command; whatever it prints, no value is in it."""
    result = medpattern("secrets", *arguments, root=root)
    assert PLANTED not in result.out + result.err
    return result


# ---- plan --------------------------------------------------------------------------------------------------------


def test_plan_shows_writers_sources_and_readers(root: Path, file: Path) -> None:
    lines = secrets("plan", "--cluster", "north", "--secrets", file, root=root).out.splitlines()

    assert lines[0] == "north"
    at = lines.index("  Secret mail in notes: ExternalSecret mail")
    assert lines[at + 1] == f"    password  from secret/{PREFIX}/smtp password  read by Deployment notifier in notes"
    assert "  Secret relay-ca in notes: secrets file" in lines
    assert not any("missing" in line or "unused" in line for line in lines)


def test_plan_as_json_says_what_is_missing_and_unused(root: Path, tmp_path: Path) -> None:
    path = written(tmp_path, SMTP + entry("- {name: key, value: something-long}\n", "old"))

    found: list[dict[str, Any]] = json.loads(secrets("plan", "--secrets", path, "-o", "json", root=root).out)

    assert [one["cluster"] for one in found] == ["north", "south"]
    assert found[0]["missing"] == [f"secret/{PREFIX}/database service", "Secret relay-ca in notes"]
    assert found[0]["unused"] == ["old.key"]
    mail = next(one for one in found[0]["secrets"] if one["name"] == "mail")
    assert (mail["namespace"], mail["writer"], len(mail["keys"])) == ("notes", "ExternalSecret", 2)


def test_plan_needs_no_secrets_file(root: Path) -> None:
    result = secrets("plan", "--cluster", "north", root=root)

    assert result.code == 0
    assert "there is no secrets file yet" in result.err
    assert f"secret/{PREFIX}/smtp password" in result.out.partition("missing, nobody writes it:")[2]


# ---- check -------------------------------------------------------------------------------------------------------


def test_check_of_a_whole_file_finds_nothing(root: Path, file: Path) -> None:
    result = secrets("check", "--secrets", file, root=root)

    assert (result.code, result.out) == (0, "")
    assert result.err == f"{file}: 0 findings\n"


def test_check_tells_each_finding_with_its_line_and_ends_with_1(root: Path, tmp_path: Path) -> None:
    path = written(tmp_path, SMTP.replace("password,", "pasword,"))

    result = secrets("check", "--secrets", path, "--cluster", "north", root=root)

    assert result.code == 1
    assert f"{path}:3:5: error[secret-missing] north: smtp.password:" in result.out
    assert "did you mean 'pasword'?" in result.out
    assert f"{path}:7:10: warning[secret-unused] smtp.pasword:" in result.out


def test_check_as_json_is_a_list_of_findings(root: Path, tmp_path: Path) -> None:
    found = json.loads(secrets("check", "--secrets", written(tmp_path, SMTP), "-o", "json", root=root).out)

    assert [(one["code"], one["key"], one["clusters"]) for one in found] == [
        ("secret-missing", "database.service", ["north", "south"])
    ]


@pytest.mark.parametrize(
    ("entries", "mode", "words"),
    [
        (SMTP, 0o644, "its mode is 0644"),
        (entry(f"- {{name: a, value: !!{PLANTED} x}}\n"), 0o600, "error[yaml-tag] a value that begins with '!'"),
        (entry(f"- {{name: a, value: {PLANTED}, path: b}}\n"), 0o600, "error[secret-source]"),
    ],
)
def test_a_file_that_cannot_be_taken_ends_with_2(
    root: Path, tmp_path: Path, entries: str, mode: int, words: str
) -> None:
    result = secrets("check", "--secrets", written(tmp_path, entries, mode), root=root)

    assert result.code == 2
    assert words in result.err


def test_a_file_that_git_tracks_is_refused(root: Path) -> None:
    path = written(root, SMTP)
    for words in (["init", "--quiet"], ["add", "secrets.yaml"]):
        subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)

    result = secrets("check", "--secrets", path, root=root)

    assert result.code == 2
    assert "git tracks it" in result.err


# ---- generate ----------------------------------------------------------------------------------------------------


def test_generate_writes_a_file_of_ones_own_that_check_takes(root: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled" / "secrets.yaml"

    first = secrets("generate", "--secrets", file, "--out", out, root=root)
    content = out.read_text()
    second = secrets("generate", "--secrets", file, "--out", out, root=root)

    assert (first.code, first.out) == (0, "")
    assert first.err == f"{out}: 1 generated, 0 kept from before\n"
    assert second.err == f"{out}: 0 generated, 1 kept from before\n"
    assert out.read_text() == content
    assert out.stat().st_mode & 0o777 == 0o600
    assert secrets("check", "--secrets", out, root=root).code == 0


def test_generate_for_age_leaves_no_value_on_the_disk(root: Path, file: Path, tmp_path: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{key}\n")
    out = root / "values" / "secrets.age"
    subprocess.run(["git", "-C", str(root), "init", "--quiet"], check=True)

    made = secrets("generate", "--secrets", file, "--out", out, "--age", str(key.to_public()), root=root)

    assert made.code == 0
    assert PLANTED.encode() not in out.read_bytes()
    assert secrets("check", "--secrets", out, "--identity", keys, root=root).code == 0


def test_generate_of_a_plain_file_into_a_work_tree_is_refused(root: Path, file: Path) -> None:
    subprocess.run(["git", "-C", str(root), "init", "--quiet"], check=True)

    result = secrets("generate", "--secrets", file, "--out", root / "secrets.yaml", root=root)

    assert result.code == 2
    assert "in a git work tree, not ignored" in result.err
    assert not (root / "secrets.yaml").exists()


# ---- load and rotate ---------------------------------------------------------------------------------------------

VAULT = ("--to", "vault", "--address", "https://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("load", "--to", "vault"), "--to vault needs --address"),
        (("load", "--to", "vault", "--address", "openbao:8200", "--cluster", "north"), "takes a URL as https://"),
        (("load", "--to", "vault", "--address", "http://vault.example.org", "--cluster", "north"), "by https alone"),
        (("load", *VAULT), "has several clusters: name by --cluster"),
        (("load", *VAULT, "--cluster", "north", "--cluster", "south"), "both log in at auth/kubernetes"),
        (("load", *VAULT, "--role", "loader"), "by --role with --account"),
        (("load", *VAULT, "--cluster", "north", "--kubernetes-ca", "FILE"), "go with --kubernetes-host"),
        (("load", "--to", "kubernetes", "--address", "https://a"), "options of Vault go with --to vault"),
        (("load", "--to", "kubernetes", "--namespace", "other"), "makes no Secret in other"),
        (("load", "--to", "kubernetes"), "no cluster to ask"),
        (("rotate", "smpt", *VAULT), "no secret 'smpt'; did you mean 'smtp'"),
        (("rotate", "smtp.password", *VAULT), "is not generated"),
        (("plan", "--cluster", "west"), "no cluster 'west'"),
    ],
)
def test_wrong_use_says_what_to_do(root: Path, file: Path, arguments: tuple[str, ...], words: str) -> None:
    token = file.parent / "token"
    token.touch(0o600)
    token.write_text(PLANTED)
    named = [str(file) if word == "FILE" else word for word in arguments]
    login = ["--token-file", str(token)] if "vault" in named and "--role" not in named else []

    result = secrets(*named, *login, "--secrets", file, root=root)

    assert result.code == 2
    assert words in result.err


def test_without_a_token_the_ways_to_have_one_are_named(root: Path, file: Path) -> None:
    result = secrets("load", *VAULT, "--cluster", "north", "--secrets", file, root=root)

    assert result.code == 2
    assert "'bao login' writes" in result.err


def test_a_server_that_is_not_there_ends_with_3_and_shows_neither_token_nor_value(root: Path, file: Path) -> None:
    token = file.parent / "token"
    token.touch(0o600)
    token.write_text(PLANTED)

    address = f"https://127.0.0.1:{free_port()}"
    result = secrets(
        "load", "--to", "vault", "--address", address, "--token-file", token, "--cluster", "north",
        "--secrets", file, root=root,
    )  # fmt: skip

    assert result.code == 3
    assert f"{address} does not answer" in result.err
