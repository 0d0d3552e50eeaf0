"""Which tokens are believed, over HTTP: each wrong one is refused, with its reason, and quotes nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from medpattern.pipeline.resultsapi.provider import PAUSE_SECONDS, STALE_SECONDS, Provider
from medpattern.pipeline.resultsapi.tokens import Expected, TokenRefusedError, verify
from tests.pipeline.resultsapi.conftest import Ward
from tests.pipeline.resultsapi.issuer import AUDIENCE, CLIENT, Issuer, new_key


def refused(ward: Ward, token: str) -> str:
    """The reason; whoever brings the token gets nothing."""
    answer = ward.http.get("/api/worklist", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert token not in answer.text or not token
    return str(answer.json()["detail"])


def test_a_good_token_is_let_in(ward: Ward) -> None:
    assert ward.get("/api/worklist").status_code == 200


def test_without_a_token_nobody_is_let_in(ward: Ward) -> None:
    answer = ward.http.get("/api/worklist")
    assert (answer.status_code, answer.json()["reason"]) == (401, "not-signed-in")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "somebody-else"}, "audience"),
        ({"aud": CLIENT}, "audience"),
        ({"aud": None}, "claims"),
        ({"iss": "http://127.0.0.1:1"}, "issuer"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": None}, "claims"),
        ({"exp": "never"}, "malformed"),
        ({"nbf": 4_000_000_000}, "not-yet"),
        ({"sub": None}, "claims"),
        ({"preferred_username": "dr.\nosei"}, "claims"),
    ],
    ids=str,
)
def test_a_token_with_another_claim_is_refused(ward: Ward, change: dict[str, Any], reason: str) -> None:
    assert refused(ward, ward.issuer.token("viewer", **change)) == reason


def test_a_token_that_was_changed_is_refused(ward: Ward) -> None:
    header, body, signature = ward.issuer.token("viewer").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["realm_access"]["roles"] = ["viewer", "identifier"]
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert refused(ward, f"{header}.{changed}.{signature}") == "signature"
    assert refused(ward, f"{header}.{body}.{signature[:-4]}AAAA") == "signature"
    assert refused(ward, f"{header}.{body}.") == "signature"


def test_a_token_that_another_key_signed_under_the_providers_key_id_is_refused(ward: Ward) -> None:
    claims = ward.issuer.claims("viewer")
    assert refused(ward, ward.issuer.sign(claims, "one", new_key())) == "signature"
    assert refused(ward, ward.issuer.sign(claims, "two", new_key())) == "unknown-key"


def test_a_token_without_signature_is_refused(ward: Ward) -> None:
    assert refused(ward, jwt.encode(ward.issuer.claims("viewer"), "", algorithm="none")) == "algorithm"


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(ward: Ward) -> None:
    public = ward.issuer.keys["one"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "one"}).encode()).decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps(ward.issuer.claims("viewer")).encode()).decode().rstrip("=")
    import hashlib
    import hmac

    signature = hmac.digest(pem, f"{header}.{body}".encode(), hashlib.sha256)
    token = f"{header}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert refused(ward, token) == "algorithm"


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "....", "é.é.é", "a" * 20_000])
def test_what_is_no_token_is_refused(ward: Ward, text: str) -> None:
    answer = ward.http.get("/api/me", headers={"authorization": f"Bearer {text}".encode()})
    assert (answer.status_code, answer.json()["detail"]) == (401, "malformed")


def test_a_bad_token_is_not_saved_by_a_good_session(ward: Ward) -> None:
    ward.sign_in("viewer")
    assert ward.http.get("/api/me").status_code == 200
    assert ward.http.get("/api/me", headers={"authorization": "Bearer x"}).status_code == 401
    assert ward.http.get("/api/me", headers={"authorization": "Basic eDp5"}).status_code == 401


def test_a_short_rsa_key_of_the_provider_is_not_used(issuer: Issuer) -> None:
    issuer.keys["short"] = new_key(1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issuer.sign(issuer.claims("viewer"), "short")
    with pytest.raises(TokenRefusedError, match="unknown-key"):
        verify(token, Expected(issuer.url, AUDIENCE), Provider(issuer.url).key)


# The provider's keys change, and it may be away.


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def believed(issuer: Issuer, provider: Provider, key_id: str = "one") -> bool:
    try:
        verify(issuer.sign(issuer.claims(), key_id), Expected(issuer.url, AUDIENCE), provider.key)
    except TokenRefusedError:
        return False
    return True


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_at_each_attempt(issuer: Issuer) -> None:
    clock = Clock()
    provider = Provider(issuer.url, clock=clock)
    assert believed(issuer, provider)
    issuer.keys["two"] = new_key()
    assert not believed(issuer, provider, "two"), "asked a moment ago"
    clock.now += PAUSE_SECONDS
    assert believed(issuer, provider, "two")
    asked = issuer.asked.count("/jwks")
    issuer.keys["never told"] = new_key()
    for _ in range(20):
        believed(issuer, provider, "never told")
    assert issuer.asked.count("/jwks") == asked


def test_a_key_that_the_provider_takes_back_is_believed_for_ten_minutes_at_most(issuer: Issuer) -> None:
    clock = Clock()
    provider = Provider(issuer.url, clock=clock)
    stolen = issuer.keys["one"]
    assert believed(issuer, provider)
    issuer.keys = {"two": new_key()}
    clock.now += 601
    token = issuer.sign(issuer.claims("viewer"), "one", stolen)
    with pytest.raises(TokenRefusedError, match="unknown-key"):
        verify(token, Expected(issuer.url, AUDIENCE), provider.key)


def test_known_keys_serve_for_an_hour_while_the_provider_is_away(issuer: Issuer) -> None:
    from medpattern.pipeline.failures import Unavailable

    clock = Clock()
    provider = Provider(issuer.url, clock=clock)
    assert believed(issuer, provider)
    issuer.status = 503
    clock.now += STALE_SECONDS - 1
    assert believed(issuer, provider)
    clock.now += PAUSE_SECONDS
    with pytest.raises(Unavailable, match="oidc"):
        believed(issuer, provider)
    issuer.status = 200
    clock.now += PAUSE_SECONDS
    assert believed(issuer, provider)


@pytest.mark.parametrize(
    "description",
    [{"issuer": "http://127.0.0.1:1"}, {"token_endpoint": "http://login.example.org/token"}, {"jwks_uri": None}],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(issuer: Issuer, description: dict[str, Any]) -> None:
    from medpattern.pipeline.failures import Unavailable

    issuer.description = description
    with pytest.raises(Unavailable, match="oidc"):
        Provider(issuer.url).endpoints()


def test_a_provider_that_is_away_is_503_for_a_token(ward: Ward) -> None:
    ward.issuer.status = 500
    answer = ward.get("/api/me")
    assert (answer.status_code, answer.headers["medpattern-unavailable"]) == (503, "oidc")
