"""Policy rules: each finds what its fixture fails for, at that path, lets pass what may pass, and never raises."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from medpattern.checks.fleetwide import fleet_findings
from medpattern.checks.kinds import DATA_KINDS
from medpattern.checks.manifests import Inventory, Manifest, everywhere
from medpattern.checks.policy import RULES
from medpattern.checks.policy.access import BINDINGS, ROLES
from medpattern.checks.policy.apiversions import RETIRED
from medpattern.checks.policy.credentials import credential
from medpattern.checks.policy.estate import estate_findings
from medpattern.checks.policy.pods import PODS
from medpattern.checks.rules import Breach, Platform, apply
from medpattern.findings import Place, Severity, dotted

FIXTURES = Path(__file__).parent / "fixtures"
ESTATES = Path(__file__).parent / "estates"
CODES = sorted({rule.code for rule in RULES})
KUBERNETES = Platform("kubernetes", "1.34")


def manifest(data: dict[str, Any]) -> Manifest:
    metadata = data.get("metadata")
    namespace = metadata.get("namespace", "") if isinstance(metadata, dict) else ""
    return Manifest(data, str(namespace or "xraylab"), "app", 0, everywhere(Place("a.yaml")))


@cache
def fixture(code: str) -> dict[str, list[dict[str, Any]]]:
    return yaml.safe_load((FIXTURES / f"{code}.yaml").read_text("utf-8"))


def with_object(case: dict[str, Any]) -> dict[str, Any]:
    """The object of a case; `pod` and `annotations` are short for a Knative Service with them."""
    if "pod" in case or "annotations" in case:
        pod = {"containers": [{"name": "a"}], **case.get("pod", {})}
        pod["containers"] = [{"image": "registry.example/program:1", **container} for container in pod["containers"]]
        annotations = {f"autoscaling.knative.dev/{key}": text for key, text in case.get("annotations", {}).items()}
        template = {"metadata": {"annotations": annotations}, "spec": pod}
        meta = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"}}
        return {**meta, "spec": {"template": template}}
    return case.get("object", case)


def breaches(code: str, data: dict[str, Any], platform: Platform = KUBERNETES) -> list[Breach]:
    return [breach for rule, breach in apply(RULES, manifest(data), platform) if rule.code == code]


def failing() -> Iterator[Any]:
    for code in CODES:
        for number, case in enumerate(fixture(code)["fails"]):
            yield pytest.param(code, case, id=f"{code}-{number}")


def passing() -> Iterator[Any]:
    for code in CODES:
        for number, case in enumerate(fixture(code)["passes"]):
            yield pytest.param(code, case, id=f"{code}-{number}")


def test_every_code_has_a_fixture_that_fails_and_one_that_passes() -> None:
    assert {path.stem for path in FIXTURES.glob("*.yaml")} == set(CODES)
    assert all(fixture(code)["fails"] and fixture(code)["passes"] for code in CODES)


@pytest.mark.parametrize(("code", "case"), list(failing()))
def test_finds(code: str, case: dict[str, Any]) -> None:
    found = breaches(code, with_object(case))
    expected = case["at"] if isinstance(case["at"], list) else [case["at"]]
    assert sorted(dotted(breach.path) for breach in found) == sorted(expected)
    assert all(breach.cure for breach in found)
    assert case.get("says", "") in " ".join(f"{breach.message}; {breach.cure}" for breach in found)


@pytest.mark.parametrize(("code", "case"), list(passing()))
def test_lets_pass(code: str, case: dict[str, Any]) -> None:
    assert breaches(code, with_object(case)) == []


# API versions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "code"),
    [("1.24", "deprecated-api"), ("1.25", "removed-api"), ("1.34", "removed-api"), ("", "deprecated-api")],
)
def test_an_api_is_removed_from_the_release_that_drops_it(version: str, code: str) -> None:
    job = {"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "nightly"}}
    found = [rule.code for rule, _ in apply(RULES, manifest(job), Platform("kubernetes", version))]
    assert [word for word in found if word.endswith("-api")] == [code]


def test_an_api_that_the_cluster_has_not_yet_deprecated_is_no_finding() -> None:
    endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "database"}}
    assert breaches("deprecated-api", endpoints, Platform("kubernetes", "1.32")) == []


def test_every_replacement_is_another_version() -> None:
    assert all(row.replacement and row.replacement != row.api_version for row in RETIRED)


# Knative -------------------------------------------------------------------------------------------------


def test_knative_wants_each_volume_mounted() -> None:
    volumes = [{"name": "used", "emptyDir": {}}, {"name": "unused", "emptyDir": {}}]
    container = {"name": "a", "volumeMounts": [{"name": "used", "mountPath": "/used"}]}
    (breach,) = breaches("knative-refused", with_object({"pod": {"volumes": volumes, "containers": [container]}}))
    assert dotted(breach.path) == "spec.template.spec.volumes[1]"


@pytest.mark.parametrize("spec", [None, {}, {"template": {}}, {"template": {"spec": {"containers": []}}}])
def test_knative_wants_a_container(spec: Any) -> None:
    service = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec}
    (breach,) = breaches("knative-refused", service)
    assert "no containers" in breach.message


# Credentials ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 8,
        "glpat-" + "a1B2" * 5,
        "hvs." + "a1B2" * 8,
        "xoxb-" + "1234567890-abc",
        "https://hooks.slack.com/services/" + "T0123/B0123/a1b2c3",
        "AIza" + "a1B2c" * 7,
        "dckr_pat_" + "a1B2" * 6,
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0" + ".dBjftJeZ4CVP",
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE",
    ],
)
def test_a_known_form_of_credential_is_found_under_any_name(text: str) -> None:
    assert credential("note", f"see {text} here")


@given(st.binary(min_size=24, max_size=48))
def test_a_drawn_key_is_found_where_the_name_says_what_it_is(key: bytes) -> None:
    import base64

    assert credential("SIGNING_KEY_API_TOKEN", "k" + base64.b64encode(key).decode())


@pytest.mark.parametrize(
    "text", ["4f1c" * 16, "https://s3.region.example.org/a/b", "a" * 40, "kafka-kafka-bootstrap.kafka.svc:9093"]
)
def test_sums_addresses_and_names_are_no_credentials(text: str) -> None:
    assert credential("value", text) == ""


def test_a_finding_never_quotes_the_credential() -> None:
    secret = "correct-horse-battery"
    settings_ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"DB_PASSWORD": secret}}
    assert secret not in str(breaches("credential", settings_)[0])


# Odd objects ---------------------------------------------------------------------------------------------

KINDS = sorted(
    PODS
    | BINDINGS
    | ROLES
    | DATA_KINDS
    | {kind for rule in RULES for kind in rule.kinds}
    | {
        ("", "ConfigMap"),
        ("", "ServiceAccount"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("argoproj.io", "Application"),
    }
)


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


WORDS = sorted({key for code in CODES for key in keys_of(fixture(code))} - {"apiVersion", "kind", "at", "says"})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10_000),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(
        ["*", "Allow", "postgresql://[::1", "http://[", "a,=b,Validate=false", "[auth.anonymous]\n", "{", "latest"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=25,
)


@st.composite
def odd_objects(draw: st.DrawFn) -> dict[str, Any]:
    group, kind = draw(st.sampled_from(KINDS))
    data = draw(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5))
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, **data}


@settings(max_examples=300, deadline=None)
@given(st.lists(odd_objects(), min_size=1, max_size=3), st.sampled_from(["1.34", "", "odd"]))
def test_no_rule_raises_on_odd_objects(objects: list[dict[str, Any]], version: str) -> None:
    manifests = tuple(manifest(data) for data in objects)
    for found in manifests:
        for _, breach in apply(RULES, found, Platform("kubernetes", version)):
            assert breach.message
            dotted(breach.path)
    inventory = Inventory("a", kubernetes_version=version, manifests=manifests)
    list(estate_findings(inventory))
    list(fleet_findings([inventory, Inventory("b", manifests=manifests)]))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_rule_raises_on_broken_likenesses_of_real_objects(data: st.DataObject) -> None:
    """Fixtures with one part replaced by something odd: nearer to what people get wrong than what chance makes."""
    code = data.draw(st.sampled_from(CODES))
    case = with_object(data.draw(st.sampled_from(fixture(code)["fails"] + fixture(code)["passes"])))
    broken = replaced(case, data)
    found = manifest(broken)
    list(apply(RULES, found, KUBERNETES))
    inventory = Inventory("a", manifests=(found,))
    list(estate_findings(inventory))
    list(fleet_findings([inventory, Inventory("b", manifests=(found,))]))


def replaced(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, dict) and value:
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: value[key] if key in ("apiVersion", "kind") else replaced(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], replaced(value[index], data), *value[index + 1 :]]
    return data.draw(SCALARS | st.just([]) | st.just({}) | st.just([None]) | st.just({"a": None}))


# All objects of a cluster --------------------------------------------------------------------------------


def estates() -> Iterator[Any]:
    for path in sorted(ESTATES.glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load(path.read_text("utf-8"))):
            yield pytest.param(path.stem, case, id=f"{path.stem}-{number}")


@pytest.mark.parametrize(("code", "case"), list(estates()))
def test_estate(code: str, case: dict[str, Any]) -> None:
    inventory = Inventory("ward", manifests=tuple(manifest(data) for data in case["objects"]))
    found = [finding for finding in estate_findings(inventory) if finding.code == code]
    told = [finding.message for finding in found]
    assert len(told) == len(case["finds"]), told
    assert all(text in message for text, message in zip(case["finds"], told, strict=True)), told
    assert all(finding.clusters == ("ward",) and finding.app == "app" and finding.cure for finding in found)


def test_every_estate_fixture_has_cases_of_both_sorts() -> None:
    for path in ESTATES.glob("*.yaml"):
        finds = [bool(case["finds"]) for case in yaml.safe_load(path.read_text("utf-8"))]
        assert set(finds) == {True, False}, path.name


def test_what_the_cluster_would_refuse_or_leak_is_an_error() -> None:
    severity = {rule.code: rule.severity for rule in RULES}
    habits = {code for code, found in severity.items() if found is Severity.WARNING}
    assert habits == {
        "default-service-account",
        "deprecated-api",
        "missing-digest",
        "missing-probe",
        "missing-resources",
        "weak-security-context",
    }
