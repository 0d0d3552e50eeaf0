"""Settings of the results API. Without those of the OpenID provider there are none: it is never anonymous."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from medpattern.pipeline.http.tls import Certificate
from medpattern.pipeline.resultsapi.provider import Client, is_safe
from medpattern.pipeline.resultsapi.tokens import ALGORITHMS, Expected
from medpattern.pipeline.resultsapi.users import RoleNames
from medpattern.pipeline.settings import Environment, StoreSettings, read_database_url

_POINTER = re.compile(r"(/([^~/]|~[01])+)+")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The provider, what its tokens have to say, and who we are to it."""

    access: Expected
    client: Client
    roles: RoleNames
    scope: str
    ca: str

    @property
    def identity(self) -> Expected:
        """What an ID token has to say: it is for the client alone."""
        return Expected(self.access.issuer, self.client.client_id, self.access.algorithms)

    @classmethod
    def read(cls, env: Environment) -> OidcSettings:
        """MEDPATTERN_OIDC_*."""
        issuer = env.text("MEDPATTERN_OIDC_ISSUER")
        if issuer and not is_safe(issuer):
            env.problem("MEDPATTERN_OIDC_ISSUER is no https:// address (http:// on this machine alone)")
        audience, client_id = env.text("MEDPATTERN_OIDC_AUDIENCE"), env.text("MEDPATTERN_OIDC_CLIENT_ID")
        if audience and audience == client_id:
            # Else an ID token, which is no permission, would pass for an access token.
            env.problem(
                "MEDPATTERN_OIDC_AUDIENCE equals MEDPATTERN_OIDC_CLIENT_ID: the API needs an audience of its own"
            )
        return cls(
            access=Expected(issuer, audience, _algorithms(env)),
            client=Client(client_id, env.secret("MEDPATTERN_OIDC_CLIENT_SECRET", "")),
            roles=_role_names(env),
            scope=_scope(env),
            ca=str(env.file("MEDPATTERN_OIDC_CA", "") or ""),
        )


def _scope(env: Environment) -> str:
    found = env.text("MEDPATTERN_OIDC_SCOPE", "openid")
    if "openid" not in found.split():
        env.problem("MEDPATTERN_OIDC_SCOPE has to hold openid: without it the provider says nobody's name")
    return found


def _algorithms(env: Environment) -> frozenset[str]:
    found = frozenset(env.texts("MEDPATTERN_OIDC_ALGORITHMS", "RS256,PS256,ES256"))
    if found - ALGORITHMS:
        wrong = ", ".join(sorted(found - ALGORITHMS))
        env.problem(f"MEDPATTERN_OIDC_ALGORITHMS holds {wrong}: {', '.join(sorted(ALGORITHMS))} are possible")
    return found


def _role_names(env: Environment) -> RoleNames:
    default = RoleNames()
    found = RoleNames(
        claim=env.text("MEDPATTERN_OIDC_ROLES", default.claim),
        viewer=env.text("MEDPATTERN_OIDC_ROLE_VIEWER", default.viewer),
        reader=env.text("MEDPATTERN_OIDC_ROLE_READER", default.reader),
        identifier=env.text("MEDPATTERN_OIDC_ROLE_IDENTIFIER", default.identifier),
    )
    if not _POINTER.fullmatch(found.claim):
        env.problem("MEDPATTERN_OIDC_ROLES is no path in a token: a JSON pointer such as /realm_access/roles is wanted")
    if len({found.viewer, found.reader, found.identifier}) < 3:
        names = "MEDPATTERN_OIDC_ROLE_VIEWER, MEDPATTERN_OIDC_ROLE_READER and MEDPATTERN_OIDC_ROLE_IDENTIFIER"
        env.problem(f"{names}: two have one name, so whoever holds one role would hold both")
    return found


@dataclass(frozen=True, slots=True)
class ResultsSettings:
    """All of it. `url` is where browsers find the page, without a path; `image_seconds` how long an image's lasts."""

    url: str
    oidc: OidcSettings
    store: StoreSettings
    public_endpoint: str
    database_url: str = field(repr=False)
    identity_key: bytes = field(repr=False)
    session_key: bytes = field(repr=False)
    session_seconds: int
    image_seconds: int
    pinned_sha256: str
    certificate: Certificate | None

    @property
    def images_from(self) -> str:
        """The origin that images are shown from, for the page's policy."""
        parts = urlsplit(self.public_endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def read(cls, env: Environment) -> ResultsSettings:
        """The settings, all problems at once.

        Raises:
            UsageError: something is missing or wrong.
        """
        store = StoreSettings.read(env)
        found = cls(
            url=_origin(env),
            oidc=OidcSettings.read(env),
            store=store,
            public_endpoint=_public_endpoint(env, store),
            database_url=read_database_url(env),
            identity_key=env.key("MEDPATTERN_IDENTITY_KEY"),
            session_key=env.key("MEDPATTERN_SESSION_KEY"),
            session_seconds=env.integer("MEDPATTERN_SESSION_SECONDS", 3600, 60, 12 * 3600),
            image_seconds=env.integer("MEDPATTERN_IMAGE_SECONDS", 60, 5, 3600),
            pinned_sha256=env.text("MEDPATTERN_MODEL_SHA256", ""),
            certificate=Certificate.read(env),
        )
        env.check()
        return found


def _origin(env: Environment) -> str:
    url = env.text("MEDPATTERN_RESULTS_URL").rstrip("/")
    if url and (not is_safe(url) or urlsplit(url).path or urlsplit(url).query):
        env.problem("MEDPATTERN_RESULTS_URL: https://HOST without a path is wanted (http:// on this machine alone)")
    return url


def _public_endpoint(env: Environment, store: StoreSettings) -> str:
    url = env.text("MEDPATTERN_S3_PUBLIC_ENDPOINT", "") or store.endpoint
    parts = urlsplit(url)
    # It stands in a header of its own kind of punctuation: nothing but an address may get there.
    if url and (parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc)):
        env.problem("MEDPATTERN_S3_PUBLIC_ENDPOINT: https://HOST is wanted, where browsers reach the object store")
    return url
