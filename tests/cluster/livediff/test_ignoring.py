"""Differences that Argo CD leaves alone, as its manual writes them."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.cluster.livediff.ignoring import of_application, of_settings, without_ignored
from medpattern.errors import UsageError

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "ward", "annotations": {"a/b": "1", "c~d": "2"}},
    "spec": {"replicas": 2, "containers": [{"name": "web", "image": "x"}, {"name": "log", "image": "y"}]},
}


def left(*entries: dict[str, Any], live: dict[str, Any] | None = None) -> dict[str, Any]:
    """What remains of the deployment."""
    return without_ignored(DEPLOYMENT, live or DEPLOYMENT, of_application(entries))


def rule(**more: Any) -> dict[str, Any]:
    return {"group": "apps", "kind": "Deployment", **more}


def test_a_json_pointer_takes_out_keys_items_and_escaped_names() -> None:
    assert "replicas" not in left(rule(jsonPointers=["/spec/replicas"]))["spec"]
    assert [one["name"] for one in left(rule(jsonPointers=["/spec/containers/0"]))["spec"]["containers"]] == ["log"]
    escaped = left(rule(jsonPointers=["/metadata/annotations/a~1b", "/metadata/annotations/c~0d"]))
    assert escaped["metadata"]["annotations"] == {}
    assert left(rule(jsonPointers=["/spec/nowhere/deep", "/spec/containers/7"])) == DEPLOYMENT


def test_a_jq_path_takes_out_what_it_selects() -> None:
    found = left(rule(jqPathExpressions=['.spec.containers[] | select(.name == "log") | .image']))

    assert found["spec"]["containers"] == [{"name": "web", "image": "x"}, {"name": "log"}]
    assert left(rule(jqPathExpressions=[".spec.containers.image"])) == DEPLOYMENT  # leads nowhere


def test_fields_of_a_trusted_manager_are_taken_out() -> None:
    owner = {"manager": "autoscaler", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    live = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "managedFields": [owner]}}

    assert "replicas" not in left(rule(managedFieldsManagers=["autoscaler"]), live=live)["spec"]
    assert left(rule(managedFieldsManagers=["someone"]), live=live) == DEPLOYMENT


@pytest.mark.parametrize(
    ("more", "concerned"),
    [
        ({}, True),
        ({"name": "web", "namespace": "ward"}, True),
        ({"name": "other"}, False),
        ({"namespace": "other"}, False),
        ({"group": ""}, False),
        ({"kind": "StatefulSet"}, False),
        ({"group": "*", "kind": "*"}, True),
    ],
)
def test_a_rule_is_about_the_objects_that_it_names(more: dict[str, str], concerned: bool) -> None:
    found = left(rule(jsonPointers=["/spec/replicas"], **{}) | more)

    assert (found != DEPLOYMENT) is concerned


def test_argocd_cm_has_rules_for_a_kind_and_for_all() -> None:
    prefix = "resource.customizations.ignoreDifferences."
    settings = {
        f"{prefix}apps_Deployment": "jsonPointers: [/spec/replicas]",
        f"{prefix}all": "jqPathExpressions: ['.metadata.annotations']",
        f"{prefix}ConfigMap": "jsonPointers: [/spec]",
        "resource.customizations.health.apps_Deployment": "return {}",
    }

    found = without_ignored(DEPLOYMENT, DEPLOYMENT, of_settings(settings))

    assert set(found["spec"]) == {"containers"}
    assert "annotations" not in found["metadata"]


def test_what_cannot_be_understood_is_told_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"ignoreDifferences: jq does not understand '\.spec\['"):
        left(rule(jqPathExpressions=[".spec["]))
    with pytest.raises(UsageError, match="in argocd-cm is no YAML map"):
        of_settings({"resource.customizations.ignoreDifferences.all": "[a"})
