"""Policies and roles that give exactly what a cluster's ExternalSecrets ask for."""

from __future__ import annotations

import pytest

from medpattern.errors import UsageError
from medpattern.secretstore.access import Access, access
from medpattern.secretstore.asked import Account, asks
from tests.secretstore.clusters import STORE, ward
from tests.secretstore.test_plan import ALL
from tests.secretstore.texts import PREFIX


def of(more: str = "") -> Access:
    return access("hospital-1", asks(ward(more)))


def test_a_policy_lets_one_read_the_entries_that_are_asked_for_and_nothing_else() -> None:
    (text,) = of().policies.values()

    assert text.splitlines()[1:] == [
        f'path "secret/data/{PREFIX}/database" {{', '  capabilities = ["read"]', "}",
        f'path "secret/data/{PREFIX}/smtp" {{', '  capabilities = ["read"]', "}",
    ]  # fmt: skip


def test_the_role_is_the_stores_for_its_account_and_audience() -> None:
    (role,) = of().roles

    assert (role.auth, role.name, role.audience) == ("kubernetes", "medical-diagnosis", "vault")
    assert role.accounts == (Account("secret-store", "secret-store"),)
    assert role.policy == "hospital-1-medical-diagnosis-secret"


def test_who_searches_a_prefix_may_list_and_read_below_it() -> None:
    (text,) = of(ALL.replace("FROM", f"{{find: {{path: {PREFIX}/more}}}}")).policies.values()

    assert f'path "secret/metadata/{PREFIX}/more/*" {{\n  capabilities = ["list", "read"]\n}}' in text
    assert f'path "secret/data/{PREFIX}/more/*" {{\n  capabilities = ["read"]\n}}' in text


def test_a_store_of_one_namespace_logs_in_by_an_account_of_its_own() -> None:
    store = STORE.replace("ClusterSecretStore", "SecretStore").replace(", namespace: secret-store", "")
    store = store.replace("role: medical-diagnosis", "role: hospital-1-role").replace("name: vault}", "name: own}")
    secret = ALL.replace("FROM", "{extract: {key: own/entry}}").replace(
        "ClusterSecretStore, name: vault", "SecretStore, name: own"
    )

    found = of(f"{store}---\n{secret}")

    own = next(role for role in found.roles if role.name == "hospital-1-role")
    assert own.accounts == (Account("ward", "secret-store"),)
    assert "secret/data/own/entry" in found.policies[own.policy]
    assert own.policy == "hospital-1-role-secret"


def test_two_audiences_of_one_role_are_refused() -> None:
    other = STORE.replace("name: vault}", "name: other}").replace("[vault]", "[elsewhere]")
    secret = ALL.replace("FROM", "{extract: {key: a/b}}").replace("name: vault", "name: other")

    with pytest.raises(UsageError, match="tokens for elsewhere, vault; a role takes one audience"):
        of(f"{other}---\n{secret}")
