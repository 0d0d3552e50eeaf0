"""Signing in and out on the page: OpenID Connect, authorization code flow with PKCE.

    page ─> /login ─> provider ─> /callback ─> the page asked for

The ID token says that the provider answers our request (nonce), the access token who it is and what he may, checked
like any other. Neither is kept.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.http.responses import JsonResponse
from medpattern.pipeline.resultsapi import metrics
from medpattern.pipeline.resultsapi.pages import message_page
from medpattern.pipeline.resultsapi.provider import CodeRefusedError
from medpattern.pipeline.resultsapi.sessions import SignIn
from medpattern.pipeline.resultsapi.tokens import TokenRefusedError, verify_id_token
from medpattern.pipeline.resultsapi.users import Role

if TYPE_CHECKING:
    from starlette.requests import Request

    from medpattern.pipeline.resultsapi.access import Access
    from medpattern.pipeline.resultsapi.users import User

_LOG = logging.getLogger(__name__)
_PAGE = re.compile(r"/(results/[A-Za-z0-9]{1,64})?", re.ASCII)


def sign_in_at(page: str) -> str:
    """Where to sign in for `page`."""
    return f"/login?next={quote(page, safe='')}"


@dataclass(frozen=True, slots=True)
class SigningIn:
    """The routes."""

    access: Access

    def routes(self) -> list[Route]:
        """/login, /callback, /logout, /signed-out."""
        return [
            Route("/login", self.login),
            Route("/callback", self.callback),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/signed-out", self.signed_out),
        ]

    async def login(self, request: Request) -> Response:
        """GET /login?next=PAGE: to the provider. Any other place than a page of ours counts as the worklist."""
        wanted = request.query_params.get("next", "/")
        begun = SignIn.begin(wanted if _PAGE.fullmatch(wanted) else "/")
        try:
            endpoints = await asyncio.to_thread(self.access.provider.endpoints)
        except Unavailable as away:
            return self._failed("provider-away", away, 503)
        query = {
            "response_type": "code",
            "client_id": self.access.oidc.client.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self.access.oidc.scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        response = RedirectResponse(with_query(endpoints.authorization, query), 303)
        self.access.cookies.begin_sign_in(response, begun)
        return response

    async def callback(self, request: Request) -> Response:
        """GET /callback?state&code: from the provider."""
        state = request.query_params.get("state", "")
        begun = self.access.cookies.sign_in(request, state)
        if begun is None or request.query_params.get("iss", self.access.oidc.access.issuer) != self._issuer:
            return self._failed("unknown-state", None)
        response = await self._answer(request, begun)
        self.access.cookies.end_sign_in(response, state)
        return response

    async def _answer(self, request: Request, begun: SignIn) -> Response:
        code = request.query_params.get("code", "")
        if not code:
            return self._failed("denied", None)
        try:
            user = await asyncio.to_thread(self._exchange, code, begun)
        except Unavailable as away:
            return self._failed("provider-away", away, 503)
        except (CodeRefusedError, TokenRefusedError) as refused:
            return self._failed("token-refused", refused)
        if Role.VIEWER not in user.roles:
            return self._failed("no-role", None, 403)
        metrics.SIGN_INS.labels("signed-in").inc()
        response = RedirectResponse(begun.page, 303)
        self.access.cookies.begin_session(response, user)
        return response

    def _exchange(self, code: str, begun: SignIn) -> User:
        access, provider = self.access, self.access.provider
        tokens = provider.exchange(access.oidc.client, code, begun.verifier, self._redirect_uri)
        identity = verify_id_token(str(tokens.get("id_token")), access.oidc.identity, begun.nonce, provider.key)
        user = access.verify(str(tokens.get("access_token")))
        if user.subject != identity["sub"]:
            raise TokenRefusedError("claims")
        return user

    async def logout(self, request: Request) -> Response:
        """POST /logout: ends the session; answers where the browser goes to end that with the provider."""
        await self.access.user(request, Role.VIEWER)
        response = JsonResponse({"url": await asyncio.to_thread(self._after_logout)})
        self.access.cookies.end_session(response)
        return response

    def _after_logout(self) -> str:
        back = f"{self.access.origin}/signed-out"
        try:
            end = self.access.provider.endpoints().end_session
        except Unavailable:
            end = ""
        # No id_token_hint: it would write who it was into addresses. The provider asks for a confirmation instead.
        query = {"client_id": self.access.oidc.client.client_id, "post_logout_redirect_uri": back}
        return with_query(end, query) if end else back

    async def signed_out(self, _request: Request) -> Response:
        """GET /signed-out"""
        return message_page("signed-out")

    @property
    def _issuer(self) -> str:
        return self.access.oidc.access.issuer

    @property
    def _redirect_uri(self) -> str:
        return f"{self.access.origin}/callback"

    def _failed(self, why: str, cause: Exception | None, status: int = 400) -> Response:
        metrics.SIGN_INS.labels(why).inc()
        _LOG.warning("sign-in failed", extra={"end": why, "cause": str(cause) if cause else ""})
        return message_page(why, status)


def with_query(url: str, query: dict[str, str]) -> str:
    """`url` with more parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
