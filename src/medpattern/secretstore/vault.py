"""One Vault or OpenBao server, asked with one token: the only place that sends requests to it.

https://developer.hashicorp.com/vault/api-docs; OpenBao 2 answers the same paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from medpattern.errors import RemoteError, UsageError
from medpattern.secretstore.format import VaultPath
from medpattern.secretstore.hidden import Hidden

ANSWER_SECONDS = 30
LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest version of an entry of a KV engine of version 2; 0 if there is none, or it was deleted with all."""

    version: int
    content: dict[str, Any] = field(repr=False)

    def value(self, key: str) -> Hidden | None:
        """The value of a key, if it is a text."""
        found = self.content.get(key)
        return Hidden(found) if isinstance(found, str) else None


class Vault:
    """Requests to a server. Every method raises `RemoteError` where it does not answer, is sealed or refuses."""

    def __init__(
        self,
        address: str,
        token: Hidden | None = None,
        ca: Path | None = None,
        server_name: str = "",
        namespace: str = "",
    ) -> None:
        """Nothing is sent yet.

        Args:
            address: https://HOST:PORT; plain http for this machine alone.
            token: that is sent with every request; None before a login.
            ca: certificates that sign the server's; the system's by default.
            server_name: that the certificate is for, if the address is that of a tunnel.
            namespace: of Vault Enterprise or OpenBao.

        Raises:
            UsageError: hvac is not installed, or the address is none.
        """
        try:
            import hvac
        except ModuleNotFoundError:
            raise UsageError("Vault and OpenBao can be asked with: pip install 'medpattern[secrets]'") from None
        parts = urlsplit(address)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
            raise UsageError("--address takes a URL as https://openbao.example.org:8200")
        if parts.scheme == "http" and parts.hostname not in LOCAL:
            raise UsageError(f"--address {address}: secrets go by https alone")
        self.address = address.rstrip("/")
        # An empty token: without one hvac takes that of the environment.
        self._client = hvac.Client(
            self.address,
            token=token.text() if token else "",
            timeout=ANSWER_SECONDS,
            namespace=namespace or None,
            session=_session(self.address, ca, server_name),
        )

    # ---- the server itself ---------------------------------------------------------------------------------------

    def require_ready(self) -> None:
        """Refuses a server that is sealed, not initialised or not there."""
        with self._asked("its health"):
            answer = self._client.sys.read_health_status(
                method="GET", standby_ok=True, sealed_code=200, uninit_code=200
            )
        told = answer if isinstance(answer, dict) else answer.json()
        if not told.get("initialized", True):
            raise RemoteError(f"{self.address} is not initialised ('bao operator init'); nothing was written")
        if told.get("sealed"):
            raise RemoteError(f"{self.address} is sealed; unseal it ('bao operator unseal'); nothing was written")

    def login(self, auth: str, role: str, account_token: Hidden) -> None:
        """Logs in with the token of a ServiceAccount; what is asked afterwards is asked with what that gives."""
        with self._asked(f"to log in by role {role} of auth/{auth}"):
            self._client.auth.kubernetes.login(role, account_token.text(), mount_point=auth)

    def lacking(self, wanted: Mapping[str, tuple[str, ...]]) -> list[str]:
        """What the token may not do, as "update sys/policies/acl/hub".

        Args:
            wanted: capabilities by path; in "create|update" either will do.
        """
        if not wanted:
            return []
        with self._asked("what this token may do"):
            told = self._client.sys.get_capabilities(paths=list(wanted))
        may = told.get("data", told)
        return [
            f"{capability} {path}"
            for path, capabilities in wanted.items()
            for capability in capabilities
            if not {"root", *capability.split("|")} & set(may.get(path, ()))
        ]

    # ---- entries -------------------------------------------------------------------------------------------------

    def engine(self, mount: str) -> str:
        """What is mounted there: "kv2", "kv1", the name of another engine, or "" for nothing."""
        import hvac

        with self._asked("its engines"):
            try:
                # Whoever may use an engine may ask for it here; the list of all takes a right of its own.
                found = self._client.read(f"sys/internal/ui/mounts/{mount}")["data"]
            except (hvac.exceptions.Forbidden, hvac.exceptions.InvalidRequest):
                told = self._client.sys.list_mounted_secrets_engines()
                found = told.get("data", told).get(f"{mount}/")
        if not found:
            return ""
        kind = str(found["type"])
        return f"kv{(found.get('options') or {}).get('version', '1')}" if kind == "kv" else kind

    def mount(self, mount: str) -> None:
        """Mounts a KV engine of version 2."""
        with self._asked(f"to mount a KV engine at {mount}"):
            self._client.sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})

    def read(self, path: VaultPath) -> Stored:
        """The newest version of an entry."""
        import hvac

        with self._asked(f"for {path}"):
            try:
                told = self._client.secrets.kv.v2.read_secret_version(
                    path.path, mount_point=path.mount, raise_on_deleted_version=False
                )
            except hvac.exceptions.InvalidPath:
                return Stored(0, {})
        return Stored(int(told["data"]["metadata"]["version"]), told["data"]["data"] or {})

    def write(self, path: VaultPath, content: Mapping[str, Any], before: int) -> int:
        """Writes a version of an entry if `before` is the newest one still; the new version's number."""
        with self._asked(f"to write {path}", quiet=True):
            told = self._client.secrets.kv.v2.create_or_update_secret(
                path.path, dict(content), cas=before, mount_point=path.mount
            )
        return int(told["data"]["version"])

    # ---- policies and logins -------------------------------------------------------------------------------------

    def get(self, path: str) -> dict[str, Any] | None:
        """What stands at a path of the API, such as "sys/policies/acl/hub"; None if nothing does."""
        import hvac

        with self._asked(f"for {path}"):
            try:
                told = self._client.read(path)
            except hvac.exceptions.InvalidPath:
                return None
        return dict(told["data"]) if told else None

    def put(self, path: str, data: Mapping[str, Any]) -> None:
        """Writes at a path of the API."""
        with self._asked(f"to write {path}"):
            self._client.write_data(path, data=dict(data))

    def auth_methods(self) -> dict[str, str]:
        """The kinds of the auth methods by their mounts."""
        with self._asked("its auth methods"):
            told = self._client.sys.list_auth_methods()
        return {mount.rstrip("/"): str(found["type"]) for mount, found in told.get("data", told).items()
                if isinstance(found, dict) and "type" in found}  # fmt: skip

    def enable_kubernetes(self, auth: str) -> None:
        """Enables the auth method kubernetes at a mount."""
        with self._asked(f"to enable auth/{auth}"):
            self._client.sys.enable_auth_method("kubernetes", path=auth)

    @contextmanager
    def _asked(self, what: str, *, quiet: bool = False) -> Iterator[None]:
        """Turns what goes wrong into an error without the request's content; `quiet` leaves out the server's words."""
        import hvac
        import requests

        words = ""
        try:
            yield
        except hvac.exceptions.VaultDown:
            words = f"{self.address} is sealed or not ready, asked {what}; unseal it ('bao operator unseal')"
        except hvac.exceptions.Forbidden:
            words = f"{self.address} does not let this token: asked {what}"
        except hvac.exceptions.VaultError as error:
            said = "" if quiet else f": {'; '.join(map(str, error.errors or ())) or error.text or ''}"
            words = f"{self.address} refused: asked {what}{said}"
        except requests.exceptions.SSLError:
            words = f"{self.address} shows a certificate that is not trusted; name its CA by --ca"
        except requests.exceptions.RequestException as error:
            words = f"{self.address} does not answer, asked {what} ({type(error).__name__})"
        except (KeyError, TypeError, ValueError):
            words = f"{self.address} answers as no Vault or OpenBao does, asked {what}"
        if words:
            # Raised here, so that no error of a library, which may hold the request, hangs on to it.
            raise RemoteError(words)


def _session(address: str, ca: Path | None, server_name: str) -> Any:
    import requests
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):
        """Holds the server's certificate against another name than that of the address."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, assert_hostname=server_name, server_hostname=server_name)

    session = requests.Session()
    # No proxy, no .netrc: the address alone says where secrets go.
    session.trust_env = False
    session.verify = str(ca) if ca else True
    if server_name:
        session.mount(address, Named())
    return session
