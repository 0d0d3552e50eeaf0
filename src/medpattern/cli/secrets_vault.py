"""Vault and OpenBao for `medpattern secrets load` and `rotate`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medpattern.cli import console

if TYPE_CHECKING:
    from medpattern.checks.manifests import Inventory
    from medpattern.secretstore.format import SecretsFile, VaultPath
    from medpattern.secretstore.hidden import Hidden
    from medpattern.secretstore.loading import Login, Prepared
    from medpattern.secretstore.values import Values
    from medpattern.secretstore.vault import Vault

# The API server as every pod of its cluster reaches it.
INSIDE = "https://kubernetes.default.svc"
# Long enough for a load, short enough to be worth nothing afterwards.
LOGIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Vault is and how to log in, as the options say."""

    address: str
    token_file: Path | None
    role: str
    account: str
    auth: str
    audience: str
    ca: Path | None
    name: str
    namespace: str

    @classmethod
    def of(
        cls,
        address: str,
        token_file: Path | None,
        role: str,
        account: str,
        auth: str,
        audience: str,
        ca: Path | None,
        name: str,
        namespace: str,
    ) -> Server:
        """The server of these options. Raises UsageError if one is missing or does not fit another."""
        from medpattern.errors import UsageError

        if not address:
            raise UsageError("--to vault needs --address, as https://openbao.example.org:8200")
        if bool(role) != bool(account) or (role and token_file):
            raise UsageError("log in by --token-file, or by --role with --account")
        return cls(address, token_file, role, account, auth, audience, ca, name, namespace)

    def open(self, context: str | None, kubeconfig: Path | None) -> Vault:
        """The server, logged in to.

        Raises:
            UsageError: there is no token, or an option does not fit.
            RemoteError: it is sealed, does not answer, or refuses the login.
        """
        from medpattern.secretstore.vault import Vault

        token = None if self.role else _token(self.token_file)
        vault = Vault(self.address, token, self.ca, self.name, self.namespace)
        vault.require_ready()
        if self.role:
            vault.login(self.auth, self.role, self._of_cluster(context, kubeconfig))
        return vault

    def _of_cluster(self, context: str | None, kubeconfig: Path | None) -> Hidden:
        """A token of the ServiceAccount, by the cluster's TokenRequest."""
        from medpattern.cluster.connection import Connection
        from medpattern.errors import UsageError
        from medpattern.secretstore.hidden import Hidden

        namespace, _, name = self.account.partition("/")
        if not namespace or not name:
            raise UsageError(f"--account {self.account}: write it as NAMESPACE/NAME")
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        spec = {"audiences": [self.audience], "expirationSeconds": LOGIN_SECONDS}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = Connection.open(kubeconfig, context).ask("POST", path, body=request).json()
        return Hidden(answer["status"]["token"])


def _token(named: Path | None) -> Hidden:
    from medpattern.errors import UsageError
    from medpattern.secretstore.files import read_token

    file = named or Path.home() / ".vault-token"
    if not file.is_file():
        raise UsageError(f"there is no token: 'bao login' writes {file}; or name one by --token-file, or use --role")
    return read_token(file)


def chosen(inventories: list[Inventory], *, named: bool) -> list[Inventory]:
    """The clusters that one Vault serves.

    Raises:
        UsageError: there are several, and none was named; or two have one auth method.
    """
    from medpattern.errors import UsageError
    from medpattern.secretstore.asked import stores

    if len(inventories) > 1 and not named:
        names = ", ".join(one.cluster for one in inventories)
        raise UsageError(
            f"this repository has several clusters: name by --cluster those that this Vault serves ({names})"
        )
    by_auth: dict[str, str] = {}
    for one in inventories:
        for auth in {store.auth for store in stores(one).values() if store.auth}:
            other = by_auth.setdefault(auth, one.cluster)
            if other != one.cluster:
                raise UsageError(
                    f"{other} and {one.cluster} both log in at auth/{auth}, which asks one cluster's API server; give "
                    "each its own mount: vault.auth.mountPath of the chart secrets"
                )
    return inventories


def read_by(inventories: Iterable[Inventory], paths: Iterable[VaultPath]) -> tuple[VaultPath, ...]:
    """Those of some entries that clusters read."""
    from medpattern.secretstore.asked import asks

    found = [ask for one in inventories for ask in asks(one)]
    return tuple(path for path in paths if any(ask.covers(path) for ask in found))


def login_of(host: str, ca: Path | None, reviewer: Path | None) -> Login | None:
    """How Vault asks the cluster who somebody is, as the options say; None if they say nothing."""
    from medpattern.secretstore.files import read_token
    from medpattern.secretstore.loading import Login

    if not host:
        return None
    return Login(host, ca.read_text("utf-8") if ca else "", read_token(reviewer) if reviewer else None)


def load(
    vault: Vault,
    secrets: SecretsFile,
    values: Values,
    inventories: Sequence[Inventory],
    login: Login | None,
    *,
    every: bool,
    dry_run: bool,
) -> None:
    """Writes entries, policies and roles, and tells each.

    Raises:
        UsageError: an auth method is not set up, and nothing says how.
        InputError: a value cannot be had.
        RemoteError: the server does not answer or refuses.
    """
    from medpattern.secretstore.access import Access, access
    from medpattern.secretstore.asked import asks, stores
    from medpattern.secretstore.loading import prepare

    found = [access(one.cluster, asks(one)) for one in inventories]
    rights = Access(
        {name: text for one in found for name, text in one.policies.items()},
        tuple(role for one in found for role in one.roles),
    )
    known = [store for one in inventories for store in stores(one).values() if store.auth]
    logins = {store.auth: one for store in known if (one := login or _inside(store.server))}
    paths = [path for entry in secrets.entries for path in secrets.vault_paths(entry)]
    read = read_by(inventories, paths)
    _write(vault, prepare(vault, secrets, values, rights, logins, None if every else read), dry_run=dry_run)
    console.say(f"{vault.address}: {len(paths if every else read)} of the file's {len(paths)} entries")
    if len(read) < len(paths) and not every:
        names = ", ".join(one.cluster for one in inventories)
        console.say(
            f"not loaded, since nobody on {names} reads them: {', '.join(str(p) for p in paths if p not in read)}"
        )


def rotate(vault: Vault, secrets: SecretsFile, values: Values, paths: Sequence[VaultPath], *, dry_run: bool) -> None:
    """Writes a new version of some entries, and tells it.

    Raises:
        UsageError: nobody reads any of them.
        RemoteError: the server does not answer or refuses.
    """
    from medpattern.errors import UsageError
    from medpattern.secretstore.access import Access
    from medpattern.secretstore.loading import prepare

    if not paths:
        raise UsageError("none of these clusters reads it from Vault; see 'medpattern secrets plan'")
    _write(vault, prepare(vault, secrets, values, Access({}, ()), {}, paths), dry_run=dry_run)


def _write(vault: Vault, found: Prepared, *, dry_run: bool) -> None:
    from medpattern.secretstore.loading import write

    if found.is_nothing:
        console.say(f"{vault.address}: nothing to write")
    for line in found.lines() if dry_run else write(vault, found):
        console.data(line)
    for entry in found.entries:
        if entry.kept:
            console.say(f"{entry.path} keeps {', '.join(entry.kept)}, which the secrets file does not have")


def _inside(server: str) -> Login | None:
    """Vault in the cluster that it serves: its own account reviews tokens there."""
    from medpattern.secretstore.loading import Login

    host = urlsplit(server).hostname or ""
    return Login(INSIDE, is_default=True) if host.endswith((".svc", ".svc.cluster.local")) else None
