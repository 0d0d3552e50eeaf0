"""What a browser keeps: cookies that are sealed, so that nobody but this program reads or makes them.

One for the session, one for each sign-in that is under way. They are Fernet tokens: AES-CBC with HMAC-SHA256.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from medpattern.pipeline.clock import now, parse_time, rfc3339
from medpattern.pipeline.resultsapi.users import Role, User

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SIGN_IN_SECONDS = 600
_NAME = "medpattern"


@dataclass(frozen=True, slots=True)
class Session:
    """Who has signed in, until when, and what a change from the page has to bring along."""

    user: User
    csrf: str
    ends: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """What has to come back from the provider (`state`, `nonce`), proof that we asked (`verifier`), and the page."""

    state: str
    nonce: str
    verifier: str
    page: str

    @classmethod
    def begin(cls, page: str) -> SignIn:
        """A new one, of 256 random bits each."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), page)

    @property
    def challenge(self) -> str:
        """PKCE S256 (RFC 7636)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Cookies:
    """Seals and opens. `secure` is false on http:// on this machine alone, where a browser would drop such cookies."""

    def __init__(self, key: bytes, session_seconds: int, *, secure: bool) -> None:
        from cryptography.fernet import Fernet

        derived = hashlib.sha256(b"medpattern session cookie\0" + key).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))
        self._seconds = session_seconds
        self._secure = secure
        # With this prefix a browser takes the cookie only from this very host, over TLS, for all of its paths.
        self._prefix = "__Host-" if secure else ""

    def session(self, request: Request) -> Session | None:
        """The session of the request, None where there is none or it has ended."""
        # Older than a session lasts opens nothing.
        found = self._open(request.cookies.get(f"{self._prefix}{_NAME}", ""), "session", self._seconds)
        ends = parse_time(str(found.get("ends"))) if found else None
        if found is None or ends is None:
            return None
        user = User(found["subject"], found["name"], frozenset(Role(role) for role in found["roles"]))
        return Session(user, found["csrf"], ends)

    def begin_session(self, response: Response, user: User) -> None:
        """Signs `user` in."""
        ends = now() + timedelta(seconds=self._seconds)
        kept = {"subject": user.subject, "name": user.name, "roles": sorted(user.roles)}
        kept |= {"csrf": secrets.token_urlsafe(32), "ends": rfc3339(ends)}
        self._set(response, _NAME, self._seal("session", kept), self._seconds)

    def end_session(self, response: Response) -> None:
        """Signs out."""
        self._set(response, _NAME, "", 0)

    def sign_in(self, request: Request, state: str) -> SignIn | None:
        """The sign-in that was begun with `state`, None where there is none or it took too long."""
        found = self._open(request.cookies.get(self._prefix + _sign_in(state), ""), "sign-in", SIGN_IN_SECONDS)
        begun = SignIn(**found) if found else None
        return begun if begun and secrets.compare_digest(begun.state, state) else None

    def begin_sign_in(self, response: Response, begun: SignIn) -> None:
        """Keeps `begun` until the provider sends the browser back."""
        self._set(response, _sign_in(begun.state), self._seal("sign-in", asdict(begun)), SIGN_IN_SECONDS)

    def end_sign_in(self, response: Response, state: str) -> None:
        """Forgets it."""
        self._set(response, _sign_in(state), "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._prefix + name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def _seal(self, kind: str, content: dict[str, Any]) -> str:
        return self._fernet.encrypt(json.dumps({"kind": kind, "content": content}).encode()).decode()

    def _open(self, sealed: str, kind: str, seconds: int) -> dict[str, Any] | None:
        from cryptography.fernet import InvalidToken

        try:
            found = json.loads(self._fernet.decrypt(sealed.encode("latin-1", "replace"), ttl=seconds))
        except (InvalidToken, ValueError):
            return None
        return found["content"] if found["kind"] == kind else None


def _sign_in(state: str) -> str:
    """A name of its own for each, since two tabs may sign in at once; of the state's digest, for it may be anything."""
    return f"{_NAME}-{hashlib.sha256(state.encode('utf-8', 'replace')).hexdigest()[:8]}"
