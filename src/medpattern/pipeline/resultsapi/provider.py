"""The OpenID provider: what it says of itself, its keys, and the exchange of a code for tokens.

The one place that speaks to it. Keys are kept for ten minutes and fetched again for a key id that is not among them,
though not more often than every ten seconds; while the provider is away, known keys serve for an hour.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from medpattern.pipeline.failures import Unavailable

FRESH_SECONDS = 600.0
STALE_SECONDS = 3600.0
PAUSE_SECONDS = 10.0
_MOST_BYTES = 1 << 20
_TIMEOUT_SECONDS = 5.0
_HERE = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the provider; without a secret a public client, which PKCE alone protects."""

    client_id: str
    secret: str = field(default="", repr=False)


class CodeRefusedError(Exception):
    """The provider does not take the code; nothing of what it wrote is kept."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the provider; `end_session` is "" where it has none."""

    authorization: str
    token: str
    jwks: str
    end_session: str


def is_safe(url: str) -> bool:
    """Whether `url` is https, or on this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)


class Provider:
    """Safe to share between threads; it connects at first use."""

    def __init__(self, issuer: str, ca: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """`ca`: a file of certificates that may have signed the provider's; "" for the public ones."""
        self.issuer = issuer
        self._ca = ca
        self._clock = clock
        self._pool: Any = None
        self._lock = threading.Lock()
        self._endpoints: Endpoints | None = None
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")

    def endpoints(self) -> Endpoints:
        """Where to go, from the provider's own description, read once.

        Raises:
            Unavailable: it does not answer, or describes another issuer.
        """
        if self._endpoints is None:
            self._endpoints = self._discover()
        return self._endpoints

    def key(self, key_id: str) -> Mapping[str, Any] | None:
        """The public key of that id. Raises Unavailable where none are known and the provider is away."""
        with self._lock:
            now = self._clock()
            if key_id in self._keys and now - self._fetched < FRESH_SECONDS:
                return self._keys[key_id]
            if now - self._tried >= PAUSE_SECONDS:
                self._refresh(now)
            elif now - self._fetched >= STALE_SECONDS:
                raise Unavailable("oidc", "its keys cannot be read")
            return self._keys.get(key_id)

    def _refresh(self, now: float) -> None:
        self._tried = now
        try:
            found = self._get(self.endpoints().jwks).get("keys", [])
        except Unavailable:
            if now - self._fetched >= STALE_SECONDS:
                raise
            return
        # A key that the provider has taken back is gone from here too.
        self._keys = {key["kid"]: key for key in found if isinstance(key, dict) and isinstance(key.get("kid"), str)}
        self._fetched = now

    def exchange(self, client: Client, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        """The tokens for `code`.

        Raises:
            CodeRefusedError: the provider does not take it.
            Unavailable: the provider is away.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": client.client_id}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if client.secret:
            from urllib3.util import make_headers

            # RFC 6749, 2.3.1: both are form-encoded first.
            account = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
            headers |= make_headers(basic_auth=account)
        status, data = self._ask("POST", self.endpoints().token, urlencode(form).encode(), headers)
        if 400 <= status < 500:
            raise CodeRefusedError
        return _object(status, data)

    def _discover(self) -> Endpoints:
        found = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise Unavailable("oidc", "it calls itself by another issuer than MEDPATTERN_OIDC_ISSUER")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
        urls = [str(found.get(name) or "") for name in names]
        if not all(is_safe(url) for url in urls[:3]):
            raise Unavailable("oidc", "it names an endpoint that is missing or not https")
        authorization, token, jwks, end_session = urls
        return Endpoints(authorization, token, jwks, end_session if is_safe(end_session) else "")

    def _get(self, url: str) -> Mapping[str, Any]:
        return _object(*self._ask("GET", url, None, {"Accept": "application/json"}))

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        from urllib3.exceptions import HTTPError

        try:
            answer = self._http().request(
                method, url, body=body, headers=dict(headers), redirect=False, retries=False, preload_content=False
            )
            with answer:
                return answer.status, answer.read(_MOST_BYTES)
        except (HTTPError, OSError) as problem:
            raise Unavailable("oidc", type(problem).__name__) from None

    def _http(self) -> Any:
        if self._pool is None:
            import urllib3

            self._pool = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, ca_certs=self._ca or None, maxsize=4)
        return self._pool


def _object(status: int, data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data) if status == 200 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable("oidc", f"it answers {status}, or not with an object")
    return found
