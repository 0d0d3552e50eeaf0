"""Tokens are believed only if the provider signed them, for us, and they have not ended.

What is checked: size, form, algorithm (a list of asymmetric ones; never what the token alone says), a key of the
provider by its id, signature, issuer, audience, times. The reason of a refusal is a code; no text quotes a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# In what they are asymmetric: a symmetric one would be checked with a key that is public.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
LEEWAY_SECONDS = 10
LONGEST_TOKEN = 16_384
_SMALLEST_RSA_BITS = 2048
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]

# A public key of the provider (a JWK) by its id; None where the provider has no such key.
FindKey = Callable[[str], Mapping[str, Any] | None]


class TokenRefusedError(Exception):
    """`reason`: malformed, algorithm, unknown-key, signature, issuer, audience, expired, not-yet, claims or nonce."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say."""

    issuer: str
    audience: str
    algorithms: frozenset[str] = ALGORITHMS


def verify(token: str, expected: Expected, find_key: FindKey) -> dict[str, Any]:
    """The claims of `token`.

    Raises:
        TokenRefusedError: it is not to be believed.
        Unavailable: the provider's keys cannot be had.
    """
    import jwt

    if len(token) > LONGEST_TOKEN:
        raise TokenRefusedError("malformed")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRefusedError("malformed") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in expected.algorithms:
        raise TokenRefusedError("algorithm")
    # Keys are fetched for a token that may be anybody's, hence only for one that could be good.
    key = _public_key(find_key(key_id) if isinstance(key_id, str) else None, algorithm)
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=expected.audience,
            issuer=expected.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, TypeError, ValueError) as problem:
        raise TokenRefusedError(_reason(problem)) from None


def verify_id_token(token: str, expected: Expected, nonce: str, find_key: FindKey) -> dict[str, Any]:
    """The claims of the ID token that answers the request which `nonce` was made for. Raises as `verify` does."""
    claims = verify(token, expected, find_key)
    if claims.get("nonce") != nonce:
        raise TokenRefusedError("nonce")
    if claims.get("azp", expected.audience) != expected.audience:
        raise TokenRefusedError("audience")
    return claims


def _public_key(jwk: Mapping[str, Any] | None, algorithm: str) -> Any:
    import jwt

    if jwk is None or jwk.get("use", "sig") != "sig" or jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise TokenRefusedError("unknown-key")
    if jwk.get("alg", algorithm) != algorithm:
        raise TokenRefusedError("algorithm")
    try:
        key = jwt.PyJWK(dict(jwk), algorithm).key
    except jwt.PyJWTError:
        raise TokenRefusedError("unknown-key") from None
    if jwk["kty"] == "RSA" and key.key_size < _SMALLEST_RSA_BITS:
        raise TokenRefusedError("unknown-key")
    return key


def _reason(problem: Exception) -> str:
    import jwt

    reasons: dict[type[Exception], str] = {
        jwt.ExpiredSignatureError: "expired",
        jwt.ImmatureSignatureError: "not-yet",
        jwt.InvalidAudienceError: "audience",
        jwt.InvalidIssuerError: "issuer",
        jwt.InvalidSignatureError: "signature",
        jwt.InvalidAlgorithmError: "algorithm",
        jwt.InvalidKeyError: "algorithm",
        jwt.MissingRequiredClaimError: "claims",
        jwt.DecodeError: "malformed",
    }
    return next((reason for kind, reason in reasons.items() if isinstance(problem, kind)), "claims")
