"""Secrets files that the real `age` and `sops` encrypted, read by medpattern, and the other way round."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medpattern.secretstore import encryption
from tests.fleet.small import CHECKOUT, Result, medpattern, tree
from tests.live.servers.built import built
from tests.live.servers.cluster import Cluster
from tests.live.witness import Witness
from tests.real.servers.programs import program, run
from tests.secretstore.texts import PLANTED
from tests.validation.notes import repository

MODULE = "sops"
NAMESPACE = "notes"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/mail"
PLAIN = f"""\
# Of the mail server.
version: "2.0"
backingStore: none
secrets:
  - name: mail
    targetNamespaces: [{NAMESPACE}]
    fields:
      - {{name: port, value: "0465"}}
      - {{name: password, value: {PLANTED}}}
"""
MAIL = {"port": "0465", "password": PLANTED}
READER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: mailer}
spec:
  selector: {matchLabels: {app: mailer}}
  template:
    metadata: {labels: {app: mailer}}
    spec: {containers: [{name: mailer, envFrom: [{secretRef: {name: mail}}]}]}
"""


class Tools:
    """The programs with a home of their own, and two keys, of which the files here are encrypted for the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        self.sops, self.age, self.keygen = (built(MODULE, name) for name in ("sops", "age", "age-keygen"))
        self.key, self.other = (self._new_key(name) for name in ("key.txt", "other.txt"))
        self.recipient = run(self.keygen, "-y", self.key).strip()
        self.plain = folder / "plain.yaml"
        self.plain.touch(0o600)
        self.plain.write_text(PLAIN)

    def _new_key(self, name: str) -> Path:
        run(self.keygen, "-o", self.folder / name)
        return self.folder / name

    def encrypt(self, form: str) -> Path:
        """The plain file in one of FORMS."""
        name, words = FORMS[form]
        path = self.folder / name
        if words[0] == "age":
            run(self.age, *words[1:], "-r", self.recipient, "-o", path, self.plain)
        else:
            source = self.folder / f"source{path.suffix}"
            self.plain.rename(source)
            told = run(self.sops, *words[1:], "--age", self.recipient, source, environment={"HOME": str(self.home)})
            path.write_text(told)
            source.rename(self.plain)
        path.chmod(0o644)  # encrypted, it may be seen
        return path


FORMS = {
    "age": ("secrets.age", ("age",)),
    "age, as text": ("secrets.age", ("age", "--armor")),
    "sops": ("secrets.yaml", ("sops", "--encrypt")),
    "sops, values alone": ("secrets.yaml", ("sops", "--encrypt", "--encrypted-regex", "^value$")),
    "sops, in JSON": (
        "secrets.json",
        ("sops", "--encrypt", "--filename-override", "a.yaml", "--output-type", "json"),
    ),
    # What it does with a name that it does not know: the file as one value.
    "sops, as a whole": ("secrets.sops", ("sops", "--encrypt")),
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sops").symlink_to(made.sops)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    repository(tmp_path / "repository", template=READER)
    return made


@pytest.fixture
def cluster(kubernetes: Cluster) -> Iterator[Cluster]:
    """An API server with a namespace for the Secret."""
    kubernetes.api.make_namespaces([NAMESPACE])
    yield kubernetes
    kubernetes.api.ask("DELETE", SECRET)


def words(file: Path, cluster: Cluster, *more: str | Path) -> list[str | Path]:
    return ["secrets", "load", "--to", "kubernetes", "--kubeconfig", cluster.kubeconfig(), "--secrets", file,
            "--root", file.parent / "repository", *more]  # fmt: skip


def load(file: Path, cluster: Cluster, *more: str | Path) -> Result:
    result = medpattern(*words(file, cluster, *more))
    assert PLANTED not in result.out + result.err
    return result


def loaded(cluster: Cluster) -> dict[str, str]:
    """What stands in the Secret; {} without one."""
    found = cluster.api.ask("GET", SECRET)
    if found.status == 404:
        return {}
    return {key: base64.b64decode(text).decode() for key, text in cluster.api.must(found)["data"].items()}


@pytest.mark.parametrize("form", FORMS)
def test_what_the_real_programs_encrypt_is_checked_and_loaded(tools: Tools, cluster: Cluster, form: str) -> None:
    file = tools.encrypt(form)
    assert PLANTED.encode() not in file.read_bytes()

    check = medpattern("secrets", "check", "--secrets", file, "--identity", tools.key, root=file.parent / "repository")
    result = load(file, cluster, "--identity", tools.other, "--identity", tools.key)

    assert (check.code, check.err) == (0, f"{file}: 0 findings\n")
    assert result.code == 0, result.err
    assert loaded(cluster) == MAIL


@pytest.mark.parametrize("form", ["age", "sops"])
@pytest.mark.parametrize("place", ["the variable", "the usual place"])
def test_the_key_is_found_where_sops_looks_for_it(
    tools: Tools, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, form: str, place: str
) -> None:
    file = tools.encrypt(form)
    if place == "the variable":
        monkeypatch.setenv(encryption.KEY_FILE, str(tools.key))
    else:
        usual = tools.home / ".config/sops/age/keys.txt"
        usual.parent.mkdir(parents=True)
        tools.key.rename(usual)

    assert load(file, cluster).code == 0
    assert loaded(cluster) == MAIL


def test_what_medpattern_encrypts_is_read_by_age(tools: Tools, tmp_path: Path) -> None:
    out = tmp_path / "filled.age"

    result = medpattern("secrets", "generate", "--secrets", tools.plain, "--age", tools.recipient, "--out", out,
                        root=tmp_path / "repository")  # fmt: skip

    assert result.code == 0, result.err
    assert f"value: {PLANTED}" in run(tools.age, "--decrypt", "-i", tools.key, out)


# ---- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["age", "sops"])
@pytest.mark.parametrize("keys", ["none", "wrong"])
def test_without_the_right_key_it_says_so_and_writes_nothing(
    tools: Tools, cluster: Cluster, form: str, keys: str
) -> None:
    file = tools.encrypt(form)

    result = load(file, cluster, *(["--identity", tools.other] if keys == "wrong" else []))

    assert result.code == 2
    assert str(file) in result.err
    assert re.search("name the file of (your|a) key|name the file of one that fits", result.err)
    assert "--identity" in result.err
    assert len(result.err) < 1500
    assert loaded(cluster) == {}


def sops_refuses(file: Path) -> str:
    """What the real program says of a file when it is asked by a person."""
    keys = {encryption.KEY_FILE: str(file.parent / "key.txt")}
    done = subprocess.run(
        ["sops", "decrypt", file], env={**os.environ, **keys}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done.stderr


def a_value_is_changed(text: str) -> str:
    return re.sub(r"(value: ENC\[AES256_GCM,data:)..", r"\1AA", text)


def a_value_is_plain(text: str) -> str:
    return re.sub(r"value: ENC\[.*\]", f"value: {PLANTED}", text)


def two_values_are_swapped(text: str) -> str:
    first, second = re.findall(r"value: ENC\[.*\]", text)
    return text.replace(first, "@").replace(second, first).replace("@", second)


def the_mac_is_gone(text: str) -> str:
    return re.sub(r"    mac: .*\n", "", text)


def its_end_is_lost(text: str) -> str:
    return text[: text.index("sops:")]


def its_yaml_is_broken(text: str) -> str:
    return text.replace("fields:", "fields: [", 1)


CHANGES = {
    a_value_is_changed: "was changed by something else than sops",
    a_value_is_plain: "was changed by something else than sops",
    two_values_are_swapped: "was changed by something else than sops",
    the_mac_is_gone: "was changed by something else than sops",
    its_end_is_lost: "it is damaged",
    its_yaml_is_broken: "shows why",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_was_changed_after_sops_is_refused(
    tools: Tools, cluster: Cluster, change: Callable[[str], str]
) -> None:
    file = tools.encrypt("sops")
    file.write_text(change(file.read_text()))
    before = tree(tools.folder)
    said = sops_refuses(file)

    result = load(file, cluster, "--identity", tools.key)

    assert result.code == 2
    assert CHANGES[change] in result.err
    assert str(file) in result.err
    for word in (PLANTED, *re.findall("[0-9A-F]{64,}", said)):
        assert word not in result.err, "sops quotes values, and digests of all of them"
    assert loaded(cluster) == {}
    assert tree(tools.folder).keys() == before.keys()


def test_sops_itself_quotes_a_value_that_was_left_plain(tools: Tools) -> None:
    """Why its words are not passed on."""
    file = tools.encrypt("sops")
    file.write_text(a_value_is_plain(file.read_text()))

    assert PLANTED in sops_refuses(file)


@pytest.mark.parametrize("form", ["age", "age, as text"])
@pytest.mark.parametrize("part", [0.6, 0.9])
def test_a_damaged_file_of_age_is_refused(tools: Tools, cluster: Cluster, form: str, part: float) -> None:
    file = tools.encrypt(form)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])

    result = load(file, cluster, "--identity", tools.key)

    assert result.code == 2
    assert f"{file} cannot be decrypted" in result.err
    assert "it is damaged: take it from git or a backup again" in result.err
    assert loaded(cluster) == {}


def test_a_key_service_that_does_not_answer_is_waited_for_so_long(
    tools: Tools, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, silent = tools.encrypt("sops"), tmp_path / "silent"
    os.mkfifo(silent)
    monkeypatch.setenv("SOPS_AGE_KEY_CMD", f"{program('cat', 'coreutils')} {silent}")
    monkeypatch.setattr(encryption, "SOPS_SECONDS", 1)

    result = load(file, cluster)

    os.close(os.open(silent, os.O_RDWR))  # what sops called ends
    assert result.code == 2
    assert f"sops did not decrypt {file} within 1 s" in result.err


# ---- nothing leaks -----------------------------------------------------------------------------------------------


def test_no_secret_is_in_arguments_or_environments(tools: Tools, cluster: Cluster, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "witness", {"sops": tools.sops})
    key = tools.key.read_text().split()[-1]
    assert key.startswith("AGE-SECRET-KEY-1")

    for form in ("sops", "age"):
        file = tools.encrypt(form)
        result = witness.medpattern(*words(file, cluster, "--identity", tools.key))
        assert result.code == 0, result.err
        assert PLANTED not in result.out + result.err

    seen = witness.seen()
    assert b"decrypt\0--input-type\0yaml\0" in seen
    assert f"{encryption.KEY_FILE}={tools.key}".encode() in seen
    assert PLANTED.encode() not in seen
    assert key.encode() not in seen


@pytest.mark.parametrize("form", ["sops", "age"])
def test_what_is_decrypted_is_on_no_disk(tools: Tools, cluster: Cluster, form: str) -> None:
    """The kernel lets neither medpattern nor sops write a byte to a file."""
    file = tools.encrypt(form)
    command = words(file, cluster, "--identity", tools.key)

    result = without_files(*command)
    assert result.code == 0, result.err
    assert loaded(cluster) == MAIL

    out = file.parent / "filled.yaml"
    root = file.parent / "repository"
    refused = without_files("secrets", "generate", "--secrets", tools.plain, "--out", out, "--root", root)
    assert refused.code != 0
    assert not out.exists()


def without_files(*arguments: str | Path) -> Result:
    """The command line in a process that may write to no file."""
    command = [program("prlimit", "util-linux"), "--fsize=0", sys.executable, "-B", "-m", "medpattern"]
    done = subprocess.run([*command, *map(str, arguments)], env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
                          capture_output=True, text=True, check=False)  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)
