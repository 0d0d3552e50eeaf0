"""The chart results-api: by TLS alone, behind a login, reading what it shows and changing nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.test_shipped_charts import generated, refusals, with_defaults


def made(distribution: str = "kubernetes", **changes: Any) -> dict[str, dict[str, Any]]:
    """What the chart makes, by <kind>/<name>."""
    values = with_defaults("results-api", changes, distribution=distribution)
    found = generated("results-api", values).hydrate("xraylab")
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in found}


def test_nothing_travels_in_the_clear() -> None:
    route = made("openshift")["Route/results-api"]["spec"]["tls"]
    assert route == {"termination": "reencrypt", "insecureEdgeTerminationPolicy": "None"}
    ingress = made()["Ingress/results-api"]
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    assert ingress["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    container = made()["Deployment/results-api"]["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["scheme"] == "HTTPS"
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert {"MEDPATTERN_TLS_CERTIFICATE", "MEDPATTERN_TLS_KEY"} <= environment.keys()
    assert environment["MEDPATTERN_RESULTS_URL"] == "https://results.apps.example.org"


def test_what_it_may_do_in_the_object_store_is_to_read() -> None:
    assert made()["CephObjectStoreUser/xray-results"]["spec"]["opMask"] == ["read"]
    outside = made(s3={"credentials": {"from": "secretStore"}})
    assert not [name for name in outside if name.startswith(("CephObjectStoreUser", "Role"))]


def test_it_has_the_identity_key_and_not_the_one_of_pseudonyms() -> None:
    (entry,) = made()["ExternalSecret/results-api-keys"]["spec"]["data"]
    assert entry["secretKey"] == "identity"


@pytest.mark.parametrize(
    "change",
    [
        {"login": {"issuer": "http://login.example.org"}},
        {"login": {"algorithms": ["HS256"]}},
        {"login": {"algorithms": []}},
        {"login": {"rolesAt": "realm_access.roles"}},
        {"login": {"audience": ""}},
        {"s3": {"publicEndpoint": "http://images.example.org"}},
        {"s3": {"publicEndpoint": "https://images.example.org; img-src *"}},
        {"results": {"imageSeconds": 86400}},
    ],
    ids=str,
)
def test_values_that_would_open_something_are_refused(change: dict[str, Any]) -> None:
    assert len(refusals("results-api", with_defaults("results-api", change))) == 1


def test_a_public_client_has_no_secret() -> None:
    found = made(login={"confidential": False})
    assert "ExternalSecret/results-api-login" not in found
    assert "CLIENT_SECRET" not in str(found)
