"""What a Vault lacks, and the order in which it gets it. The real server is in tests/live/test_secrets.py."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from medpattern.errors import RemoteError, UsageError
from medpattern.secretstore.access import Access, access
from medpattern.secretstore.asked import asks
from medpattern.secretstore.format import VaultPath
from medpattern.secretstore.loading import Login, Prepared, prepare, write
from medpattern.secretstore.values import Values
from tests.secretstore.clusters import FakeVault, ward
from tests.secretstore.texts import PLANTED, PREFIX, entry, parsed

GENERATED = "onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"
ENTRIES = entry(f"- {{name: user, value: mailer}}\n- {{name: password, value: {PLANTED}}}\n") + entry(
    f"- {{name: service, {GENERATED}}}\n", "database"
)
SMTP, DATABASE = (VaultPath("secret", f"{PREFIX}/{name}") for name in ("smtp", "database"))
INSIDE = {"kubernetes": Login("https://kubernetes.default.svc", is_default=True)}
POLICY = "hospital-1-medical-diagnosis-secret"
ROLE = "auth/kubernetes/role/medical-diagnosis"


def prepared(
    vault: FakeVault,
    entries: str = ENTRIES,
    top: str = "",
    values: Values | None = None,
    logins: Mapping[str, Login] = INSIDE,
    only: Collection[VaultPath] | None = None,
    rights: Access | None = None,
) -> Prepared:
    """What is lacking."""
    wanted = access("hospital-1", asks(ward())) if rights is None else rights
    return prepare(vault, parsed(entries, top), values or Values(), wanted, logins, only)  # type: ignore[arg-type]


def load(vault: FakeVault, entries: str = ENTRIES, **more: object) -> list[str]:
    """What was written."""
    return list(write(vault, prepared(vault, entries, **more)))  # type: ignore[arg-type]


def test_entries_come_before_policies_and_policies_before_logins() -> None:
    vault = FakeVault()

    told = load(vault)

    assert vault.log == [
        f"entry {SMTP}", f"entry {DATABASE}", f"put sys/policies/acl/{POLICY}", "enable kubernetes",
        "put auth/kubernetes/config", f"put {ROLE}",
    ]  # fmt: skip
    assert vault.entries[SMTP] == [{"user": "mailer", "password": PLANTED}]
    assert len(vault.entries[DATABASE][0]["service"]) == 20
    assert vault.paths[ROLE] == {
        "bound_service_account_names": ["secret-store"], "bound_service_account_namespaces": ["secret-store"],
        "audience": "vault", "token_policies": [POLICY], "token_ttl": 900,
    }  # fmt: skip
    assert told[0] == f"wrote {SMTP}: user, password, version 1"
    assert PLANTED not in "".join(told)


def test_a_second_time_nothing_is_lacking() -> None:
    vault = FakeVault()
    load(vault)

    found = prepared(vault)

    assert found.is_nothing
    assert found.rights() == {}


def test_a_changed_value_is_one_new_version_and_keys_of_others_stay() -> None:
    vault = FakeVault()
    load(vault)
    vault.entries[SMTP][-1]["of-another"] = "kept"
    service = vault.entries[DATABASE][-1]["service"]

    found = prepared(vault, ENTRIES.replace(PLANTED, "changed"))
    assert [(one.path, one.keys, one.kept) for one in found.entries] == [(SMTP, ("password",), ("of-another",))]
    list(write(vault, found))  # type: ignore[arg-type]

    assert vault.entries[SMTP][1] == {"user": "mailer", "password": "changed", "of-another": "kept"}
    assert [version["service"] for version in vault.entries[DATABASE]] == [service]


def test_only_the_entries_that_are_named_are_written() -> None:
    vault = FakeVault()

    load(vault, only=[SMTP])

    assert list(vault.entries) == [SMTP]


def test_an_engine_that_is_not_there_is_mounted_first_and_another_one_is_not_written_to() -> None:
    vault = FakeVault()
    other = ENTRIES.replace(f"vaultPrefixes: [{PREFIX}]", f"vaultPrefixes: [{PREFIX}]\n  vaultMount: ward", 1)
    load(vault, other)
    assert vault.log[:2] == ["mount ward", f"entry ward/{PREFIX}/smtp"]

    for kind in ("kv1", "transit"):
        old = FakeVault()
        old.engines["secret"] = kind
        with pytest.raises(RemoteError, match=f"has {kind} at secret.*nothing was written"):
            load(old)
        assert not old.log


def test_password_policies_of_the_file_are_written_but_for_the_one_that_everybody_has() -> None:
    vault = FakeVault()
    policy = 'vaultPolicies:\n  long: "length = 40\\nrule \\"charset\\" { charset = \\"ab\\" }"\n'

    load(vault, top=policy)

    assert [path for path in vault.paths if "password" in path] == ["sys/policies/password/long"]


def test_what_the_token_may_not_do_is_told_at_once_and_nothing_is_written() -> None:
    vault = FakeVault(forbidden=(f"secret/data/{SMTP.path}", ROLE))

    with pytest.raises(RemoteError, match=re.escape(f"may not create secret/data/{SMTP.path}, create|update {ROLE}")):
        load(vault)
    assert not vault.log


def test_a_sealed_server_gets_nothing_and_nobody_is_asked() -> None:
    def ask(prompt: str) -> str:
        raise AssertionError(prompt)

    with pytest.raises(RemoteError, match="sealed"):
        load(FakeVault(sealed=True), entry("- {name: a, value: null, onMissingValue: prompt}\n"), values=Values(ask))


def test_a_value_that_is_no_text_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    vault = FakeVault()

    with pytest.raises(UsageError, match="set base64: true on its field"):
        load(vault, entry(f"- {{name: a, path: {tmp_path}/binary}}\n"))
    assert not vault.log


def test_a_server_that_goes_away_leaves_what_was_told_and_the_next_run_does_the_rest() -> None:
    vault = FakeVault()
    vault.failing = 3
    told = []

    with pytest.raises(RemoteError, match="does not answer"):
        told += write(vault, prepared(vault))  # type: ignore[arg-type]
    vault.failing = -1

    assert len(vault.log) == 3
    assert ROLE not in vault.paths
    versions = {path: len(found) for path, found in vault.entries.items()}
    load(vault)
    assert {path: len(found) for path, found in vault.entries.items()} == versions
    assert prepared(vault).is_nothing


# ---- logins ------------------------------------------------------------------------------------------------------


def test_an_auth_method_that_is_not_set_up_has_to_be_described() -> None:
    vault = FakeVault()

    with pytest.raises(UsageError, match="auth/kubernetes is not set up: say by --kubernetes-host"):
        load(vault, logins={})
    assert not vault.log


def test_settings_that_are_there_are_changed_only_when_they_are_named() -> None:
    vault = FakeVault()
    load(vault)
    vault.paths["auth/kubernetes/config"]["kubernetes_host"] = "https://elsewhere.example.org"

    assert prepared(vault).is_nothing
    assert prepared(vault, logins={}).is_nothing
    named = prepared(vault, logins={"kubernetes": Login("https://api.example.org", "CA")})
    assert [one.path for one in named.logins] == ["auth/kubernetes/config"]


def test_policies_that_somebody_gave_the_role_stay() -> None:
    vault = FakeVault()
    load(vault)
    vault.paths[ROLE]["token_policies"] = ["global-secret"]

    load(vault)

    assert vault.paths[ROLE]["token_policies"] == ["global-secret", POLICY]


def test_a_role_of_somebody_else_is_not_taken_over() -> None:
    vault = FakeVault()
    vault.methods["kubernetes"] = "kubernetes"
    vault.paths["auth/kubernetes/config"] = {"kubernetes_host": "https://kubernetes.default.svc"}
    vault.paths[ROLE] = {"bound_service_account_names": ["vault-agent"], "token_policies": ["agent"]}

    with pytest.raises(RemoteError, match="somebody else's, for other accounts; give the store a role of its own"):
        load(vault)
    assert not vault.log


def test_an_auth_method_of_another_kind_is_told() -> None:
    vault = FakeVault()
    vault.methods["kubernetes"] = "jwt"

    with pytest.raises(RemoteError, match="has jwt at auth/kubernetes; name another"):
        load(vault)
