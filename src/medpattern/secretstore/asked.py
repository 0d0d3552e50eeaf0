"""What the objects of a cluster ask of Vault or OpenBao: which stores there are, and which entries are read by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from medpattern.checks.manifests import Inventory, Manifest, value_at
from medpattern.secretstore.format import MOUNT, VaultPath

GROUP = "external-secrets.io"
STORE, CLUSTER_STORE = "SecretStore", "ClusterSecretStore"


class Account(NamedTuple):
    """A ServiceAccount."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Store:
    """A store of External Secrets that is a Vault.

    Attributes:
        name: kind, namespace and name.
        server: its URL, as the cluster sees it.
        mount: of the KV engine.
        version: of the KV engine, "v1" or "v2".
        namespace: of Vault Enterprise or OpenBao; "" for none.
        auth: the mount of the auth method kubernetes; "" if it logs in otherwise.
        role: there.
        account: who logs in.
        audience: of the account's token; "" for the default.
    """

    name: tuple[str, str, str]
    server: str
    mount: str
    version: str
    namespace: str
    auth: str
    role: str
    account: Account
    audience: str

    def __str__(self) -> str:
        kind, namespace, name = self.name
        return f"{kind} {name}" + (f" in {namespace}" if namespace else "")


@dataclass(frozen=True, slots=True)
class Ask:
    """That an ExternalSecret reads a property of an entry; "" for all of them.

    `secret_key` is what its template calls it, "" with all; `pattern` says that the path is a prefix of many entries.
    """

    path: VaultPath
    property: str
    secret_key: str
    store: Store
    by: Manifest = field(repr=False)
    pattern: bool = False

    def covers(self, path: VaultPath) -> bool:
        """Whether it reads an entry."""
        if not self.pattern:
            return path == self.path
        return path.mount == self.path.mount and path.path.startswith(f"{self.path.path}/" if self.path.path else "")


def stores(inventory: Inventory) -> dict[tuple[str, str, str], Store]:
    """The stores of a cluster that are a Vault, by kind, namespace and name."""
    found = (_store(manifest) for manifest in inventory.of_kind(GROUP, STORE, CLUSTER_STORE))
    return {one.name: one for one in found if one}


def asks(inventory: Inventory) -> list[Ask]:
    """Everything that the ExternalSecrets of a cluster read from Vault, in the order of the objects."""
    known = stores(inventory)
    return [ask for one in inventory.of_kind(GROUP, "ExternalSecret") for ask in _asks(one, known)]


def _store(manifest: Manifest) -> Store | None:
    vault = value_at(manifest.data, ("spec", "provider", "vault"))
    if not isinstance(vault, dict):
        return None
    login = value_at(vault, ("auth", "kubernetes"))
    login = login if isinstance(login, dict) else {}
    account = login.get("serviceAccountRef")
    account = account if isinstance(account, dict) else {}
    space = manifest.namespace if manifest.kind == STORE else ""
    return Store(
        name=(manifest.kind, space, manifest.name),
        server=str(vault.get("server", "")),
        mount=str(vault.get("path") or MOUNT).strip("/"),
        version=str(vault.get("version", "v2")),
        namespace=str(vault.get("namespace") or ""),
        auth=str(login.get("mountPath", "kubernetes")).strip("/") if login else "",
        role=str(login.get("role", "")),
        account=Account(str(account.get("namespace") or space), str(account.get("name", ""))),
        audience=str(next(iter(account.get("audiences") or ()), "")),
    )


def _asks(manifest: Manifest, known: dict[tuple[str, str, str], Store]) -> Iterator[Ask]:
    spec = manifest.data.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    default = spec.get("secretStoreRef")
    for row in _dicts(spec.get("data")):
        store = _store_of(manifest, value_at(row, ("sourceRef", "storeRef")) or default, known)
        remote = row.get("remoteRef")
        if store and isinstance(remote, dict):
            path = entry_path(store, str(remote.get("key", "")))
            yield Ask(path, str(remote.get("property") or ""), str(row.get("secretKey", "")), store, manifest)
    for row in _dicts(spec.get("dataFrom")):
        store = _store_of(manifest, value_at(row, ("sourceRef", "storeRef")) or default, known)
        extract, found = row.get("extract"), row.get("find")
        if store and isinstance(extract, dict):
            path = entry_path(store, str(extract.get("key", "")))
            yield Ask(path, str(extract.get("property") or ""), "", store, manifest)
        elif store and isinstance(found, dict):
            yield Ask(entry_path(store, str(found.get("path") or "")), "", "", store, manifest, pattern=True)


def _store_of(manifest: Manifest, ref: Any, known: dict[tuple[str, str, str], Store]) -> Store | None:
    if not isinstance(ref, dict):
        return None
    kind = str(ref.get("kind", STORE))
    return known.get((kind, manifest.namespace if kind == STORE else "", str(ref.get("name", ""))))


def entry_path(store: Store, key: str) -> VaultPath:
    """The entry that an ExternalSecret names: mount and data/ may stand before it, as in the API, or not."""
    path = key.strip("/").removeprefix(f"{store.mount}/").removeprefix("data/")
    return VaultPath(store.mount, path)


def _dicts(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        yield from (item for item in data if isinstance(item, dict))
