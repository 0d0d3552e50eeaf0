"""A cluster's facts from what its API says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from medpattern.cluster.inspection import Seen, inspection, text

KUBERNETES = Seen("https://10.0.0.1:6443", "ward", {"major": "1", "minor": "34+", "gitVersion": "v1.34.2-eks"})
OPENSHIFT = replace(
    KUBERNETES,
    release={"major": "1", "minor": "33", "gitVersion": "v1.33.4"},
    is_openshift=True,
    infrastructure={"status": {"infrastructureName": "ward-a1b2c", "platform": "None", "apiServerURL": "https://api.w.org:6443"}},
    cluster_version={"status": {"desired": {"version": "4.20.11"}}},
    ingress={"spec": {"domain": "apps.w.org"}},
)  # fmt: skip


def test_openshift_without_dns_settings_tells_its_domain_by_that_of_its_routes() -> None:
    assert inspection(OPENSHIFT, "ward").facts == {
        "group": "ward",
        "distribution": "openshift",
        "platform": "None",
        "version": "4.20",  # and so Kubernetes 1.33, which need not be said
        "domain": "w.org",
        "server": "https://api.w.org:6443",
    }


def test_a_domain_of_routes_of_its_own_is_a_fact() -> None:
    seen = replace(
        OPENSHIFT,
        ingress={"spec": {"domain": "apps.w.org", "appsDomain": "x.org"}},
        dns={"spec": {"baseDomain": "w.org"}},
    )

    facts = inspection(seen).facts

    assert (facts["domain"], facts["appsDomain"]) == ("w.org", "x.org")


@pytest.mark.parametrize(
    ("provider", "platform"),
    [("aws:///eu-1a/i-0", "AWS"), ("gce://p/z/n", "GCP"), ("ibm://x", "IBMCloud"), ("kind://d/k/n", None), ("", None)],
)
def test_a_node_tells_the_platform_of_kubernetes_if_it_is_a_known_one(provider: str, platform: str | None) -> None:
    facts = inspection(replace(KUBERNETES, node={"spec": {"providerID": provider}})).facts

    assert facts.get("platform") == platform
    assert facts["version"] == "1.34"


@pytest.mark.parametrize(
    ("server", "known"),
    [("https://10.0.0.1:6443/", "https://10.0.0.1:6443"), ("https://127.0.0.1:1", None), ("https://localhost", None),
     ("http://10.0.0.1", None)],
)  # fmt: skip
def test_an_address_that_only_this_machine_has_is_no_fact(server: str, known: str | None) -> None:
    assert inspection(replace(KUBERNETES, server=server)).facts.get("server") == known


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ("Ward_1", "ward-1"),
        ("admin@api.ward.org:6443", "admin-api-ward-org-6443"),
        ("", "cluster"),
        ("a" * 70, "a" * 63),
    ],
)
def test_the_name_is_the_contexts_as_a_dns_label(context: str, name: str) -> None:
    assert inspection(replace(KUBERNETES, context=context)).name == name


def test_two_argo_cds_are_told_of_and_none_is_chosen() -> None:
    found = inspection(replace(KUBERNETES, argocd_namespaces=("argocd", "delivery")))

    assert "argocd" not in found.facts
    assert "Argo CD: in argocd, delivery" in found.remarks


def test_the_file_has_the_facts_and_comments_for_the_rest() -> None:
    default: dict[str, Any] = {
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    }
    made = text(inspection(replace(KUBERNETES, storage_classes=(default,), denied=("Node",))))

    assert yaml.safe_load(made) == {"distribution": "kubernetes", "version": "1.34", "server": "https://10.0.0.1:6443"}
    for words in (
        "# Facts of ward,",
        "# default StorageClass: fast",
        "# The login may not read: Node",
        "# domain: ",
        "# group: ",
    ):
        assert words in made
