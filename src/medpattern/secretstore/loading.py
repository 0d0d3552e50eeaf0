"""What a Vault is to have, compared with what it has, and written in an order in which nothing is half there.

First the engines and the entries, then the policies, then the logins: nobody may read before there is something to
read, and an entry is one version, written whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from medpattern.errors import RemoteError, UsageError
from medpattern.secretstore.access import TOKEN_SECONDS, Access, Role
from medpattern.secretstore.format import Entry, SecretsFile, VaultPath
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.passwords import DEFAULT
from medpattern.secretstore.values import Values
from medpattern.secretstore.vault import Vault


@dataclass(frozen=True, slots=True)
class Login:
    """How Vault asks a cluster who a ServiceAccount is: `host` is the API server's URL as Vault reaches it.

    `ca` is the certificate of its CA, "" where Vault runs in that cluster; `reviewer` the token of an account that may
    review tokens, None where Vault's own account or the one that logs in may. `is_default`: for a method that is not
    set up yet alone.
    """

    host: str
    ca: str = ""
    reviewer: Hidden | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry that is to get a new version. `keys` differ, `kept` are there and not in the secrets file."""

    path: VaultPath
    keys: tuple[str, ...]
    kept: tuple[str, ...]
    before: int
    content: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.path}: {', '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Write:
    """Something that is to stand at a path of the API: `what` in words."""

    what: str
    path: str
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a Vault lacks: engines to mount, entries, policies, auth methods to enable, their settings, roles."""

    mounts: tuple[str, ...] = ()
    entries: tuple[EntryChange, ...] = ()
    policies: tuple[Write, ...] = ()
    methods: tuple[str, ...] = ()
    logins: tuple[Write, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether everything is as it should be."""
        return not any((self.mounts, self.entries, self.policies, self.methods, self.logins))

    def lines(self) -> Iterator[str]:
        """What `write` would do, in words."""
        yield from (f"would mount a KV engine at {mount}" for mount in self.mounts)
        yield from (f"would write {entry}" for entry in self.entries)
        yield from (f"would write {one.what}" for one in self.policies)
        yield from (f"would enable auth/{auth}" for auth in self.methods)
        yield from (f"would write {one.what}" for one in self.logins)

    def rights(self) -> dict[str, tuple[str, ...]]:
        """What the token must be allowed to do, by path."""
        return {
            **{f"sys/mounts/{mount}": ("create|update",) for mount in self.mounts},
            **{_data(one.path): ("create" if one.before == 0 else "update",) for one in self.entries},
            **{f"sys/auth/{auth}": ("create|update", "sudo") for auth in self.methods},
            **{one.path: ("create|update",) for one in (*self.policies, *self.logins)},
        }


def prepare(
    vault: Vault,
    secrets: SecretsFile,
    values: Values,
    access: Access,
    logins: Mapping[str, Login],
    only: Collection[VaultPath] | None = None,
) -> Prepared:
    """Compares a Vault with what it is to have; nothing is written.

    Args:
        vault: that is asked.
        secrets: the file that entries and password policies come from.
        values: of its fields.
        access: the policies and roles.
        logins: by the mount of an auth method; needed for one that is not set up yet.
        only: these entries of the file; all by default.

    Raises:
        InputError: a value cannot be had.
        UsageError: an auth method is not set up, and `logins` does not say how.
        RemoteError: it is sealed, does not answer, refuses, or has something else where we would write.
    """
    vault.require_ready()
    wanted = [
        (path, entry)
        for entry in secrets.entries
        for path in secrets.vault_paths(entry)
        if only is None or path in only
    ]
    values.read(secrets, tuple({entry.name: entry for _, entry in wanted}.values()))
    absent = tuple(_absent(vault, sorted({path.mount for path, _ in wanted})))
    methods = vault.auth_methods() if access.roles else {}
    found = Prepared(
        absent,
        tuple(change for path, entry in wanted if (change := _entry(vault, path, entry, values, absent))),
        tuple(_policies(vault, secrets, access)),
        tuple(sorted({role.auth for role in access.roles} - methods.keys())),
        (*_configurations(vault, access, logins, methods), *_roles(vault, access, methods)),
    )
    if lacking := vault.lacking(found.rights()):
        raise RemoteError(f"{vault.address}: this token may not {', '.join(lacking)}; nothing was written")
    return found


def write(vault: Vault, found: Prepared) -> Iterator[str]:
    """Writes what `prepare` found, and tells each thing once it is written, in words.

    Raises:
        RemoteError: the server refuses one, or goes away; what was told before is written, nothing else is.
    """
    for mount in found.mounts:
        vault.mount(mount)
        yield f"mounted a KV engine at {mount}"
    for entry in found.entries:
        version = vault.write(entry.path, entry.content, entry.before)
        yield f"wrote {entry}, version {version}"
    for one in found.policies:
        vault.put(one.path, one.data)
        yield f"wrote {one.what}"
    for auth in found.methods:
        vault.enable_kubernetes(auth)
        yield f"enabled auth/{auth}"
    for one in found.logins:
        vault.put(one.path, one.data)
        yield f"wrote {one.what}"


def _data(path: VaultPath) -> str:
    return f"{path.mount}/data/{path.path}"


def _absent(vault: Vault, mounts: Iterable[str]) -> Iterator[str]:
    for mount in mounts:
        engine = vault.engine(mount)
        if not engine:
            yield mount
        elif engine != "kv2":
            raise RemoteError(
                f"{vault.address} has {engine} at {mount}, and entries are written to KV engines of version 2 alone; "
                "name another vaultMount; nothing was written"
            )


def _entry(vault: Vault, path: VaultPath, entry: Entry, values: Values, absent: Collection[str]) -> EntryChange | None:
    stored = None if path.mount in absent else vault.read(path)
    there = stored.content if stored else {}
    content = {one.name: values.final(entry, one, stored.value(one.name) if stored else None) for one in entry.fields}
    keys = tuple(key for key, value in content.items() if stored is None or stored.value(key) != value)
    if not keys:
        return None
    try:
        texts = {key: value.text() for key, value in content.items()}
    except ValueError:
        raise UsageError(
            f"{path}: a value is no text, which Vault does not keep; set base64: true on its field"
        ) from None
    kept = tuple(key for key in there if key not in texts)
    return EntryChange(path, keys, kept, stored.version if stored else 0, {**there, **texts})


def _policies(vault: Vault, secrets: SecretsFile, access: Access) -> Iterator[Write]:
    for name, known in secrets.policies.items():
        path = f"sys/policies/password/{name}"
        if name != DEFAULT and (vault.get(path) or {}).get("policy") != known.text:
            yield Write(f"password policy {name}", path, {"policy": known.text})
    for name, text in access.policies.items():
        path = f"sys/policies/acl/{name}"
        if (vault.get(path) or {}).get("policy") != text:
            yield Write(f"policy {name}", path, {"policy": text})


def _configurations(
    vault: Vault, access: Access, logins: Mapping[str, Login], methods: Mapping[str, str]
) -> Iterator[Write]:
    for auth in sorted({role.auth for role in access.roles}):
        if methods.get(auth, "kubernetes") != "kubernetes":
            raise RemoteError(f"{vault.address} has {methods[auth]} at auth/{auth}; name another vault.auth.mountPath")
        path = f"auth/{auth}/config"
        there = vault.get(path) if auth in methods else None
        login = logins.get(auth)
        if login is None:
            if not there:
                raise UsageError(
                    f"auth/{auth} is not set up: say by --kubernetes-host where Vault reaches the cluster's API "
                    "server, and by --kubernetes-ca its CA, if Vault runs elsewhere"
                )
            continue
        if there and login.is_default:
            continue
        data = {"kubernetes_host": login.host, "kubernetes_ca_cert": login.ca, "disable_local_ca_jwt": bool(login.ca)}
        # The token cannot be read back: where one is given, it is written.
        if login.reviewer or any((there or {}).get(key) != value for key, value in data.items()):
            reviewer = {"token_reviewer_jwt": login.reviewer.text()} if login.reviewer else {}
            yield Write(f"settings of auth/{auth}", path, {**data, **reviewer})


def _roles(vault: Vault, access: Access, methods: Mapping[str, str]) -> Iterator[Write]:
    for role in access.roles:
        path = f"auth/{role.auth}/role/{role.name}"
        there = vault.get(path) if role.auth in methods else None
        wanted = _role(role)
        if there is None:
            yield Write(str(role), path, {**wanted, "token_policies": [role.policy], "token_ttl": TOKEN_SECONDS})
            continue
        policies = list(there.get("token_policies") or ())
        differs = any(_plain(there.get(key)) != _plain(value) for key, value in wanted.items())
        if differs and role.policy not in policies:
            raise RemoteError(
                f"{vault.address}: {role} is somebody else's, for other accounts; give the store a role of its own "
                "(vault.auth.role), or delete that one; nothing was written"
            )
        if differs or role.policy not in policies:
            # Policies that somebody added stay.
            yield Write(str(role), path, {**wanted, "token_policies": list(dict.fromkeys((*policies, role.policy)))})


def _role(role: Role) -> dict[str, Any]:
    return {
        "bound_service_account_names": sorted({account.name for account in role.accounts}),
        "bound_service_account_namespaces": sorted({account.namespace for account in role.accounts}),
        "audience": role.audience,
    }


def _plain(value: Any) -> str:
    return json.dumps(sorted(value) if isinstance(value, list) else value or "")
