"""What the results API refuses to start with."""

from __future__ import annotations

import pytest

from medpattern.errors import UsageError
from medpattern.pipeline.resultsapi.settings import ResultsSettings
from medpattern.pipeline.settings import Environment


def problems(variables: dict[str, str]) -> str:
    with pytest.raises(UsageError) as problem:
        ResultsSettings.read(Environment(variables))
    return str(problem.value)


@pytest.mark.parametrize(
    "name",
    ["OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_CLIENT_ID", "RESULTS_URL", "SESSION_KEY_FILE", "DATABASE_URL_FILE",
     "S3_ENDPOINT", "IDENTITY_KEY_FILE", "PROCESSED_BUCKET"],
)  # fmt: skip
def test_what_is_missing_is_named(variables: dict[str, str], name: str) -> None:
    del variables[f"MEDPATTERN_{name}"]
    assert f"MEDPATTERN_{name} is not set" in problems(variables)


def test_all_problems_are_told_at_once() -> None:
    told = problems({})
    for name in ("OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_CLIENT_ID", "RESULTS_URL", "SESSION_KEY"):
        assert f"MEDPATTERN_{name}" in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OIDC_ISSUER", "http://login.example.org", "https"),
        ("OIDC_AUDIENCE", "xray-ward", "audience of its own"),
        ("OIDC_ALGORITHMS", "RS256,none", "none"),
        ("OIDC_ALGORITHMS", "HS256", "HS256"),
        ("OIDC_ROLES", "realm_access.roles", "JSON pointer"),
        ("OIDC_SCOPE", "profile email", "openid"),
        ("OIDC_ROLE_IDENTIFIER", "viewer", "one name"),
        ("RESULTS_URL", "http://results.example.org", "https"),
        ("RESULTS_URL", "https://example.org/results", "without a path"),
        ("S3_PUBLIC_ENDPOINT", "images.example.org", "https"),
        ("S3_PUBLIC_ENDPOINT", "https://a; script-src 'unsafe-inline'", "https"),
        ("IMAGE_SECONDS", "86400", "3600"),
        ("SESSION_SECONDS", "1", "60"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(variables: dict[str, str], name: str, value: str, told: str) -> None:
    message = problems(variables | {f"MEDPATTERN_{name}": value})
    assert f"MEDPATTERN_{name}" in message
    assert told in message


def test_a_short_session_key_is_refused(variables: dict[str, str], tmp_path: object) -> None:
    with open(variables["MEDPATTERN_SESSION_KEY_FILE"], "w") as file:  # noqa: PTH123
        file.write("short")
    assert "MEDPATTERN_SESSION_KEY_FILE" in problems(variables)
