"""Who sends a request, and whether he may: a bearer token, else the page's session."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medpattern.pipeline.http.responses import problem
from medpattern.pipeline.resultsapi import metrics
from medpattern.pipeline.resultsapi.tokens import TokenRefusedError, verify
from medpattern.pipeline.resultsapi.users import Role, User, user_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from medpattern.pipeline.resultsapi.provider import Provider
    from medpattern.pipeline.resultsapi.sessions import Cookies
    from medpattern.pipeline.resultsapi.settings import OidcSettings

CSRF_HEADER = "medpattern-csrf"
_SAFE = ("GET", "HEAD")


class AccessDeniedError(Exception):
    """The request ends here, with `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True, slots=True)
class Access:
    """Decides. `origin` is that of the page: a change by the session's cookie has to come from there."""

    oidc: OidcSettings
    provider: Provider
    cookies: Cookies
    origin: str

    async def user(self, request: Request, role: Role) -> User:
        """Who it is.

        Raises:
            AccessDeniedError: nobody, or somebody without `role`, or a change that another site's page has asked for.
            Unavailable: a token cannot be checked now.
        """
        given = request.headers.get("authorization")
        # A token that is there counts, good or bad; the cookie is never a second chance.
        user = self._by_session(request) if given is None else await self._by_token(given)
        if role not in user.roles:
            metrics.REFUSED.labels("role").inc()
            name = getattr(self.oidc.roles, role.value)
            raise AccessDeniedError(problem(403, "role-missing", f"the role {name} is wanted"))
        return user

    async def _by_token(self, given: str) -> User:
        scheme, _, token = given.partition(" ")
        try:
            # Another scheme leaves nothing that could be a token.
            return await asyncio.to_thread(self.verify, token.strip() if scheme.lower() == "bearer" else "")
        except TokenRefusedError as refused:
            metrics.REFUSED.labels(refused.reason).inc()
            challenge = 'Bearer error="invalid_token"'
            raise AccessDeniedError(problem(401, "token-refused", refused.reason, www_authenticate=challenge)) from None

    def verify(self, token: str) -> User:
        """The user of an access token.

        Raises:
            TokenRefusedError: it is not to be believed.
            Unavailable: the provider's keys cannot be had.
        """
        user = user_of(verify(token, self.oidc.access, self.provider.key), self.oidc.roles)
        if user is None:
            raise TokenRefusedError("claims")
        return user

    def _by_session(self, request: Request) -> User:
        session = self.cookies.session(request)
        if session is None:
            metrics.REFUSED.labels("nobody").inc()
            raise AccessDeniedError(
                problem(401, "not-signed-in", "sign in, or bring a bearer token", www_authenticate="Bearer")
            )
        if request.method not in _SAFE and not self._is_ours(request, session.csrf):
            metrics.REFUSED.labels("csrf").inc()
            raise AccessDeniedError(
                problem(403, "csrf", f"a change by cookie needs the header {CSRF_HEADER} from /api/me")
            )
        return session.user

    def _is_ours(self, request: Request, csrf: str) -> bool:
        given = request.headers.get(CSRF_HEADER, "").encode("utf-8", "replace")
        origin = request.headers.get("origin", self.origin)
        return secrets.compare_digest(given, csrf.encode()) and origin == self.origin
