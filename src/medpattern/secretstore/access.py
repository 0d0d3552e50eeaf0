"""Who may read what in Vault: one policy and one role of the auth method kubernetes for each store of a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from medpattern.errors import UsageError
from medpattern.secretstore.asked import Account, Ask, Store

HEADER = "# Written by 'medpattern secrets load'; what stands here by hand is lost."
# An External Secrets operator asks anew for each refresh; a longer life serves nobody.
TOKEN_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Role:
    """A role at `auth`, the mount of an auth method: `accounts` with a token for `audience` get `policy`."""

    auth: str
    name: str
    accounts: tuple[Account, ...]
    audience: str
    policy: str

    def __str__(self) -> str:
        return f"role {self.name} of auth/{self.auth}"


@dataclass(frozen=True, slots=True)
class Access:
    """The policies by name, as text, and the roles that give them."""

    policies: dict[str, str]
    roles: tuple[Role, ...]


def access(cluster: str, asks: Iterable[Ask]) -> Access:
    """What the stores of a cluster need to read all that is asked of them, and nothing else.

    The policy is named after cluster and role, since one Vault may serve several clusters whose roles have one name.

    Raises:
        UsageError: two stores log in by one role with tokens for different audiences.
    """
    by_login: dict[tuple[str, str], list[Ask]] = {}
    for ask in asks:
        if ask.store.auth and ask.store.role:
            by_login.setdefault((ask.store.auth, ask.store.role), []).append(ask)
    policies: dict[str, str] = {}
    roles: list[Role] = []
    for (auth, role), of_login in sorted(by_login.items()):
        name = f"{cluster}-{role.removesuffix('-role')}-secret" if cluster not in role else f"{role}-secret"
        policies[name] = policy(of_login)
        audiences = sorted({ask.store.audience for ask in of_login})
        if len(audiences) > 1:
            raise UsageError(
                f"{cluster}: stores log in by role {role} of auth/{auth} with tokens for {', '.join(audiences)}; a "
                "role takes one audience: give the stores roles of their own"
            )
        accounts = tuple(sorted({ask.store.account for ask in of_login}))
        roles.append(Role(auth, role, accounts, audiences[0], name))
    return Access(policies, tuple(roles))


def policy(asks: Iterable[Ask]) -> str:
    """The text of a policy that lets somebody read the entries that are asked for; of a prefix also their names."""
    paths: dict[str, list[str]] = {}
    for ask in asks:
        mount, path = ask.path
        if ask.pattern:
            below = f"{path}/*" if path else "*"
            paths[_api_path(ask.store, "metadata", mount, below)] = ["list", "read"]
            paths[_api_path(ask.store, "data", mount, below)] = ["read"]
        else:
            paths.setdefault(_api_path(ask.store, "data", mount, path), ["read"])
    blocks = (
        f"path {json.dumps(path)} {{\n  capabilities = {json.dumps(can)}\n}}" for path, can in sorted(paths.items())
    )
    return "\n".join((HEADER, *blocks)) + "\n"


def _api_path(store: Store, part: str, mount: str, path: str) -> str:
    return f"{mount}/{path}" if store.version == "v1" else f"{mount}/{part}/{path}"
