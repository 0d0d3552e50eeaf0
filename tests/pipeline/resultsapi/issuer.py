"""An OpenID provider made for a test: its keys are new, and it signs whatever the test asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "xray-results"
CLIENT = "xray-ward"
SECRET = "secret of the page's client"


def new_key(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


@dataclass(slots=True)
class Issuer:
    """`status` is what it answers to everything; `codes` are those that it will take, with what they stand for."""

    url: str
    keys: dict[str, RSAPrivateKey]
    status: int = 200
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)
    id_token: dict[str, Any] = field(default_factory=dict)
    access_token: dict[str, Any] = field(default_factory=dict)

    def claims(self, *roles: str, **more: Any) -> dict[str, Any]:
        """Those of an access token for the API."""
        now = int(time.time())
        found = {"iss": self.url, "aud": AUDIENCE, "sub": "8f1c", "preferred_username": "dr.osei"}
        return found | {"iat": now, "exp": now + 300, "realm_access": {"roles": list(roles)}} | more

    def token(self, *roles: str, **more: Any) -> str:
        """A good access token with these roles, but for what is given."""
        return self.sign(self.claims(*roles, **more))

    def sign(self, claims: dict[str, Any], key_id: str = "one", key: RSAPrivateKey | None = None) -> str:
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key or self.keys[key_id], algorithm="RS256", headers={"kid": key_id})

    def jwks(self) -> dict[str, Any]:
        public = {key_id: json.loads(RSAAlgorithm.to_jwk(key.public_key())) for key_id, key in self.keys.items()}
        return {"keys": [jwk | {"kid": key_id, "use": "sig", "alg": "RS256"} for key_id, jwk in public.items()]}

    def approve(self, address: str, *roles: str) -> dict[str, str]:
        """What a person does at the provider: the parameters that the browser brings back from `address`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked | {"roles": " ".join(roles)}
        return {"state": asked["state"], "code": code, "iss": self.url}

    def exchange(self, form: dict[str, str], account: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint: each code once, only for its client, its address and whoever knows the verifier."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        good = asked is not None and (
            form["redirect_uri"] == asked["redirect_uri"]
            and challenge.rstrip("=") == asked["code_challenge"]
            and asked["code_challenge_method"] == "S256"
            and account == f"{CLIENT}:{SECRET.replace(' ', '%20').replace(chr(39), '%27')}"
        )
        if not good or asked is None:
            return 400, {"error": "invalid_grant"}
        identity = self.claims(aud=CLIENT, nonce=asked["nonce"], azp=CLIENT) | self.id_token
        access = self.claims(*asked["roles"].split()) | self.access_token
        return 200, {"id_token": self.sign(identity), "access_token": self.sign(access), "token_type": "Bearer"}

    def answer(self, method: str, path: str, body: bytes, account: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if self.status != 200:
            return self.status, {}
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
            ends["end_session_endpoint"] = "logout"
            named = {name: f"{self.url}/{place}" for name, place in ends.items()}
            return 200, {"issuer": self.url} | named | self.description
        if path == "/jwks":
            return 200, self.jwks()
        if (method, path) == ("POST", "/token"):
            return self.exchange({name: values[0] for name, values in parse_qs(body.decode()).items()}, account)
        return 404, {}


@contextmanager
def issuing(key: RSAPrivateKey) -> Iterator[Issuer]:
    """An issuer on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}", {"one": key})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            account = self.headers.get("authorization", "").removeprefix("Basic ")
            status, content = issuer.answer(self.command, self.path, body, base64.b64decode(account).decode())
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server.RequestHandlerClass = Handler
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
