"""`medpattern secrets` against a real OpenBao and a real API server: rights, logins, versions and refusals.

Most use the small cluster of tests/secretstore, which is rendered in a moment; one uses the shipped fleet. That no
value leaks is looked into by test_planted.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hvac
import pytest
import yaml

from medpattern.secretstore.asked import Ask, asks
from tests.fleet.small import CHECKOUT, Result, medpattern
from tests.live import fleet
from tests.live.servers.api import Api, Object
from tests.live.servers.cluster import Cluster
from tests.live.servers.openbao import OpenBao
from tests.real.servers.processes import until
from tests.secretstore.clusters import OBJECTS, ward
from tests.secretstore.texts import PLANTED, PREFIX
from tests.validation.notes import repository

NAME = "north"
G = {"onMissingValue": "generate", "vaultPolicy": "validatedPatternDefaultPolicy"}
ROLE_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
# What a login for loading needs; docs/secrets.md shows the same.
LOADER = """\
path "secret/data/*" { capabilities = ["create", "read", "update"] }
path "sys/policies/acl/hospital-2-*" { capabilities = ["create", "read", "update"] }
path "sys/policies/password/*" { capabilities = ["create", "read", "update"] }
path "sys/auth" { capabilities = ["read"] }
path "auth/kubernetes/config" { capabilities = ["read"] }
path "auth/kubernetes/role/*" { capabilities = ["create", "read", "update"] }
"""


@pytest.fixture(scope="module")
def asked() -> list[Ask]:
    """What the ExternalSecrets of the small cluster read."""
    return asks(ward())


@pytest.fixture
def bao(tmp_path: Path) -> Iterator[OpenBao]:
    """An unsealed OpenBao with nothing in it."""
    server = OpenBao(tmp_path / "bao")
    try:
        server.start()
        yield server
    finally:
        server.discard()


ACCOUNTS = ("secret-store", "other", "openbao")
SERVICE_ACCOUNTS = "/api/v1/namespaces/secret-store/serviceaccounts"


@pytest.fixture(scope="module")
def accounts(kubernetes: Cluster) -> Iterator[Cluster]:
    """The API server with the ServiceAccount of the store, one of another name, and one that may review tokens.

    They go again: other tests of the session create the store's own.
    """
    api = kubernetes.api
    api.make_namespaces(["secret-store"])
    for name in ACCOUNTS:
        made = api.ask("POST", SERVICE_ACCOUNTS, account("secret-store", name))
        assert made.status in (201, 409), made.body
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "openbao-reviews"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "openbao", "namespace": "secret-store"}],
    }
    assert api.ask("POST", ROLE_BINDINGS, binding).status in (201, 409)
    yield kubernetes
    for path in (*(f"{SERVICE_ACCOUNTS}/{name}" for name in ACCOUNTS), f"{ROLE_BINDINGS}/openbao-reviews"):
        api.must(api.ask("DELETE", path))


def account(namespace: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}


def token_of(api: Api, name: str, audience: str = "vault") -> str:
    """A token of a ServiceAccount, as External Secrets asks for it."""
    spec = {"audiences": [audience]} if audience else {}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = f"/api/v1/namespaces/secret-store/serviceaccounts/{name}/token"
    return str(api.must(api.ask("POST", path, request))["status"]["token"])


def secrets_file(folder: Path, asked: list[Ask], **values: str) -> Path:
    """A secrets file with every entry that is asked for, generated, beside the repository that asks for them.

    PLANTED is the mail's password; `values` replaces it, or names further fields of smtp.
    """
    repository(folder / "repository", template=OBJECTS)
    entries: dict[str, dict[str, Any]] = {}
    for ask in asked:
        prefix, _, name = ask.path.path.rpartition("/")
        row = entries.setdefault(name, {"name": name, "vaultPrefixes": [prefix], "fields": []})
        if ask.property not in [field["name"] for field in row["fields"]]:
            row["fields"].append({"name": ask.property, **G})
    smtp = entries["smtp"]
    chosen = {"user": "mailer", "password": PLANTED, **values}
    smtp["fields"] = [{"name": name, "value": value} for name, value in chosen.items()]
    path = folder / "secrets.yaml"
    path.touch(0o600)
    path.write_text(yaml.safe_dump({"version": "2.0", "secrets": list(entries.values())}))
    return path


def vault(
    command: str, bao: OpenBao, file: Path, *arguments: str | Path, token: Path | None = None, shipped: str = ""
) -> Result:
    """A command with OpenBao's address and a token; no value is in what it prints.

    `shipped` is a cluster of the shipped fleet, instead of the small one.
    """
    result = medpattern(
        "secrets", *command.split(), "--to", "vault", "--address", bao.url, "--ca", bao.authority,
        *(["--token-file", token or bao.token_file] if "--role" not in arguments else []),
        "--secrets", file, "--cluster", shipped or NAME, *arguments,
        root=CHECKOUT if shipped else file.parent / "repository",
    )  # fmt: skip
    assert PLANTED not in result.out + result.err
    return result


def set_up(bao: OpenBao, file: Path, cluster: Cluster, shipped: str = "") -> Result:
    """The first load, with the settings by which OpenBao asks the API server."""
    reviewer = file.parent / "reviewer"
    reviewer.touch(0o600)
    reviewer.write_text(token_of(cluster.api, "openbao", ""))
    result = vault(
        "load", bao, file, "--kubernetes-host", cluster.url, "--kubernetes-ca", cluster.authority,
        "--reviewer-token-file", reviewer, shipped=shipped,
    )  # fmt: skip
    assert result.code == 0, result.err
    return result


def entry(bao: OpenBao, ask: Ask) -> tuple[int, dict[str, str]]:
    """An entry's version and content."""
    found = version_of(bao.root, ask.path.path)
    return found["metadata"]["version"], found["data"]


def version_of(client: Any, path: str, version: int | None = None) -> dict[str, Any]:
    """A version of an entry at the mount `secret`, the newest by default."""
    told = client.secrets.kv.v2.read_secret_version(path, version=version, raise_on_deleted_version=True)
    found: dict[str, Any] = told["data"]
    return found


def state(bao: OpenBao) -> str:
    """Everything that a load may write, in one text."""
    client = bao.root
    found: dict[str, Any] = {"policies": client.sys.list_acl_policies()["data"]}
    found |= {f"auth {name}": row["type"] for name, row in client.sys.list_auth_methods()["data"].items()}
    mounts = client.sys.list_mounted_secrets_engines()["data"]
    found |= {f"mount {name}": row["type"] for name, row in mounts.items()}
    for path in ("auth/kubernetes/role", "secret/metadata", f"secret/metadata/{PREFIX}"):
        with suppress(hvac.exceptions.VaultError):
            found[path] = (client.list(path) or {}).get("data")
    return json.dumps(found, sort_keys=True)


# ---- load ------------------------------------------------------------------------------------------------------


def test_the_stores_account_reads_all_that_is_asked_for_and_nothing_else(
    bao: OpenBao, accounts: Cluster, tmp_path: Path
) -> None:
    asked = asks(fleet.inventories()["hospital-2"])
    set_up(bao, secrets_file(tmp_path, asked), accounts, "hospital-2")
    bao.root.secrets.kv.v2.create_or_update_secret("medical-diagnosis/hospital-1/keys", {"identity": PLANTED})
    bao.root.secrets.kv.v2.create_or_update_secret("medical-diagnosis/hospital-2/unasked", {"a": PLANTED})
    store = asked[0].store

    client = bao.client("")
    client.auth.kubernetes.login(store.role, token_of(accounts.api, "secret-store"), mount_point=store.auth)

    for ask in asked:
        assert version_of(client, ask.path.path)["data"][ask.property]
    for path in ("medical-diagnosis/hospital-1/keys", "medical-diagnosis/hospital-2/unasked"):
        with pytest.raises(hvac.exceptions.Forbidden):
            version_of(client, path)
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.list_secrets("medical-diagnosis/hospital-2")
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.create_or_update_secret(asked[0].path.path, {"a": "b"})


@pytest.mark.parametrize(("name", "audience"), [("other", "vault"), ("secret-store", "elsewhere")])
def test_another_account_or_audience_is_not_let_in(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path, name: str, audience: str
) -> None:
    set_up(bao, secrets_file(tmp_path, asked), accounts)
    store = asked[0].store

    with pytest.raises(hvac.exceptions.VaultError):
        bao.client("").auth.kubernetes.login(store.role, token_of(accounts.api, name, audience), mount_point=store.auth)


def test_a_dry_run_tells_what_a_load_does_and_a_second_load_does_nothing(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    file = secrets_file(tmp_path, asked)
    before = state(bao)
    dry = vault("load", bao, file, "--dry-run", "--kubernetes-host", accounts.url)
    assert state(bao) == before

    told = set_up(bao, file, accounts)
    loaded = [entry(bao, ask) for ask in asked]
    again = vault("load", bao, file)

    assert len(dry.out.splitlines()) == len(told.out.splitlines())
    assert {line.split()[0] for line in dry.out.splitlines()} == {"would"}
    assert again.code == 0
    assert again.out == ""
    assert "nothing to write" in again.err
    assert [entry(bao, ask) for ask in asked] == loaded
    assert {version for version, _ in loaded} == {1}


def test_a_changed_value_is_a_new_version_of_its_entry_alone(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    set_up(bao, secrets_file(tmp_path, asked), accounts)
    smtp = next(ask for ask in asked if ask.path.path.endswith("/smtp"))
    others = {ask.path: entry(bao, ask) for ask in asked if ask.path != smtp.path}
    bao.root.secrets.kv.v2.patch(smtp.path.path, {"of-another": "kept"})

    result = vault("load", bao, secrets_file(tmp_path, asked, password="changed-since-then"))

    assert result.out == f"wrote {smtp.path}: password, version 3\n"
    assert "keeps of-another" in result.err
    assert entry(bao, smtp) == (
        3, {"user": "mailer", "password": "changed-since-then", "of-another": "kept"}
    )  # fmt: skip
    assert {ask.path: entry(bao, ask) for ask in asked if ask.path != smtp.path} == others


def test_rotation_writes_a_version_and_names_who_has_to_take_notice(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    file = secrets_file(tmp_path, asked)
    set_up(bao, file, accounts)
    database = next(ask for ask in asked if ask.path.path.endswith("/database"))
    _, before = entry(bao, database)

    result = vault("rotate database.service", bao, file)

    version, after = entry(bao, database)
    assert result.code == 0, result.err
    assert version == 2
    assert {key for key in after if after[key] != before[key]} == {"service"}
    assert result.out.startswith(f"wrote {database.path}: service, version 2\n")
    assert "annotate externalsecret" in result.out
    assert not any(value in result.out + result.err for value in (*before.values(), *after.values()))
    assert version_of(bao.root, database.path.path, 1)["data"] == before


# ---- who loads ---------------------------------------------------------------------------------------------------


def test_a_login_for_loading_needs_only_the_rights_that_are_documented(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    assert LOADER in (CHECKOUT / "docs/secrets.md").read_text("utf-8")
    file = secrets_file(tmp_path, asked)
    set_up(bao, file, accounts)
    root = bao.root
    root.sys.create_or_update_policy("loader", LOADER.replace("hospital-2", NAME))
    bindings = {"bound_service_account_names": ["other"], "bound_service_account_namespaces": ["secret-store"]}
    root.write_data("auth/kubernetes/role/loader", data={**bindings, "audience": "vault", "token_policies": ["loader"]})

    result = vault(
        "load", bao, secrets_file(tmp_path, asked, password="changed-since-then"), "--role", "loader", "--account",
        "secret-store/other", "--kubeconfig", accounts.kubeconfig(),
    )  # fmt: skip

    assert result.code == 0, result.err
    assert "password, version 2" in result.out


def test_a_token_without_rights_is_told_which_and_writes_nothing(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    file = secrets_file(tmp_path, asked)
    set_up(bao, file, accounts)
    root = bao.root
    reader = LOADER.replace("hospital-2", NAME).replace('["create", "read", "update"]', '["read"]')
    root.sys.create_or_update_policy("reader", reader)
    token = tmp_path / "reader"
    token.touch(0o600)
    token.write_text(root.auth.token.create(policies=["reader"])["auth"]["client_token"])

    result = vault("load", bao, secrets_file(tmp_path, asked, password="changed-since-then"), token=token)

    assert result.code == 3
    assert f"this token may not update secret/data/{PREFIX}/smtp; nothing was written" in result.err
    assert entry(bao, next(ask for ask in asked if ask.path.path.endswith("/smtp")))[0] == 1


def test_a_sealed_server_is_told_and_gets_nothing_and_is_loaded_once_it_is_unsealed(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    file = secrets_file(tmp_path, asked)
    before = state(bao)
    bao.root.sys.seal()

    result = vault("load", bao, file, "--kubernetes-host", accounts.url)

    assert result.code == 3
    assert f"{bao.url} is sealed; unseal it" in result.err
    assert result.err.endswith("nothing was written\n")
    bao.unseal()
    until(lambda: not bao.client("").sys.is_sealed(), "it to be unsealed")
    assert state(bao) == before
    set_up(bao, file, accounts)


def test_a_server_that_was_killed_comes_back_sealed_with_all_that_was_loaded(
    bao: OpenBao, accounts: Cluster, asked: list[Ask], tmp_path: Path
) -> None:
    file = secrets_file(tmp_path, asked)
    set_up(bao, file, accounts)
    bao.server.kill()
    gone = vault("load", bao, file)
    assert gone.code == 3
    assert f"{bao.url} does not answer" in gone.err

    bao.start()

    assert vault("load", bao, file).out == ""


def test_another_certificate_and_another_token_are_refused(bao: OpenBao, asked: list[Ask], tmp_path: Path) -> None:
    file = secrets_file(tmp_path, asked)
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("s.nobody")

    stranger = medpattern(
        "secrets", "load", "--to", "vault", "--address", bao.url, "--token-file", bao.token_file, "--secrets", file,
        "--cluster", NAME, root=tmp_path / "repository",
    )  # fmt: skip
    token = vault("load", bao, file, token=wrong)
    named = vault("load", bao, file, "--tls-server-name", "openbao.openbao.svc", "--dry-run",
                  "--kubernetes-host", "https://kubernetes.default.svc")  # fmt: skip
    misnamed = vault("load", bao, file, "--tls-server-name", "openbao.elsewhere.svc")

    assert (stranger.code, token.code, named.code, misnamed.code) == (3, 3, 0, 3)
    assert "a certificate that is not trusted; name its CA by --ca" in stranger.err
    assert "does not let this token" in token.err
    assert "a certificate that is not trusted" in misnamed.err


# ---- Secrets of the cluster --------------------------------------------------------------------------------------

KUBERNETES = f"""\
version: "2.0"
secrets:
  - name: vault-ca
    bootstrap: only
    targetNamespaces: [secret-store]
    labels: {{team: radiology}}
    fields:
      - {{name: ca.crt, value: {PLANTED}}}
      - {{name: key, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy}}
"""
# A store that reads the Secret.
TRUST = """\
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: trusting}
spec:
  provider:
    vault:
      server: https://openbao.openbao.svc:8200
      caProvider: {type: Secret, name: vault-ca, key: ca.crt, namespace: secret-store}
      auth: {kubernetes: {mountPath: kubernetes, role: a, serviceAccountRef: {name: a, namespace: a}}}
"""
VAULT_CA = "/api/v1/namespaces/secret-store/secrets/vault-ca"


@pytest.fixture
def kubernetes_file(accounts: Cluster, tmp_path: Path) -> Iterator[Path]:
    repository(tmp_path / "repository", template=OBJECTS + TRUST)
    path = tmp_path / "kubernetes.yaml"
    path.touch(0o600)
    path.write_text(KUBERNETES)
    yield path
    accounts.api.ask("DELETE", VAULT_CA)


def kubernetes_load(cluster: Cluster, file: Path, *arguments: str) -> Result:
    result = medpattern("secrets", "load", "--to", "kubernetes", "--kubeconfig", cluster.kubeconfig(),
                        "--secrets", file, *arguments, root=file.parent / "repository")  # fmt: skip
    assert PLANTED not in result.out + result.err
    return result


def data(api: Api) -> dict[str, str]:
    found = api.must(api.ask("GET", VAULT_CA))["data"]
    return {key: base64.b64decode(text).decode() for key, text in found.items()}


def test_a_secret_is_applied_in_our_name_once(accounts: Cluster, kubernetes_file: Path) -> None:
    first = kubernetes_load(accounts, kubernetes_file)
    made = accounts.api.must(accounts.api.ask("GET", VAULT_CA))
    content = data(accounts.api)
    second = kubernetes_load(accounts, kubernetes_file)

    assert (first.code, first.out) == (0, "wrote Secret vault-ca in secret-store: ca.crt, key\n"), first.err
    assert content["ca.crt"] == PLANTED
    assert len(content["key"]) == 20
    assert [one["manager"] for one in made["metadata"]["managedFields"]] == ["medpattern"]
    assert made["metadata"]["labels"]["team"] == "radiology"
    assert (second.code, second.out) == (0, "")
    again = accounts.api.must(accounts.api.ask("GET", VAULT_CA))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_generated_key_is_rotated_alone(accounts: Cluster, kubernetes_file: Path) -> None:
    kubernetes_load(accounts, kubernetes_file)
    before = data(accounts.api)

    root = kubernetes_file.parent / "repository"
    result = medpattern("secrets", "rotate", "vault-ca", "--to", "kubernetes", "--kubeconfig", accounts.kubeconfig(),
                        "--secrets", kubernetes_file, "--cluster", NAME, root=root)  # fmt: skip

    after = data(accounts.api)
    assert result.code == 0, result.err
    assert after["ca.crt"] == before["ca.crt"]
    assert after["key"] != before["key"]
    assert after["key"] not in result.out + result.err
    assert "ClusterSecretStore trusting its operator takes it" in result.out


def test_keys_that_somebody_else_writes_are_not_taken_over(accounts: Cluster, kubernetes_file: Path) -> None:
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vault-ca", "namespace": "secret-store"},
              "data": {"ca.crt": base64.b64encode(b"theirs").decode()}}  # fmt: skip
    accounts.api.must(accounts.api.ask("PATCH", f"{VAULT_CA}?fieldManager=cert-manager", theirs,
                                       content_type="application/apply-patch+yaml"))  # fmt: skip

    result = kubernetes_load(accounts, kubernetes_file)

    assert result.code == 3
    assert "somebody else writes these keys" in result.err
    assert "nothing was written" in result.err
    assert data(accounts.api) == {"ca.crt": "theirs"}


def test_a_login_without_rights_is_told_what_it_needs(accounts: Cluster, kubernetes_file: Path) -> None:
    result = medpattern("secrets", "load", "--to", "kubernetes", "--kubeconfig", accounts.kubeconfig("nobody"),
                        "--secrets", kubernetes_file, root=kubernetes_file.parent / "repository")  # fmt: skip

    assert result.code == 3
    assert "403" in result.err
    assert PLANTED not in result.err
