"""The rights of the hub's Argo CD on a spoke, and the Secret by which it knows the spoke; no server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.resources import Resource
from medpattern.cluster.spokes import registration
from medpattern.cluster.spokes.account import objects
from medpattern.cluster.spokes.reach import way
from medpattern.cluster.spokes.registration import REFRESH, Registration, others, respect, respect_no_more, secret
from medpattern.cluster.spokes.rights import Part, Rights, Rule, rights
from medpattern.cluster.spokes.tree import objects_of
from medpattern.errors import UsageError
from medpattern.secretstore.hidden import Hidden
from tests.cluster.standin import StandIn
from tests.fleet.small import copy_small, medpattern, render

RBAC = "rbac.authorization.k8s.io"
KNOWN = {
    ("", "ConfigMap"): ("configmaps", True),
    ("", "Secret"): ("secrets", True),
    ("", "Service"): ("services", True),
    ("", "Namespace"): ("namespaces", False),
    ("apps", "Deployment"): ("deployments", True),
    (RBAC, "Role"): ("roles", True),
    (RBAC, "RoleBinding"): ("rolebindings", True),
    (RBAC, "ClusterRole"): ("clusterroles", False),
    (RBAC, "ClusterRoleBinding"): ("clusterrolebindings", False),
}
READ_SECRET = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["ca"], "verbs": ["get"]}


def may(rules: Iterable[Rule], verb: str, group: str, resource: str, name: str = "") -> bool:
    """Whether rules allow something, as Kubernetes reads them."""
    return any(
        verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
        and (not rule.get("resourceNames") or name in rule["resourceNames"])
        for rule in rules
    )  # fmt: skip


def test_a_kind_is_changed_where_the_tree_has_it_and_read_in_all_of_its_namespaces() -> None:
    """Argo CD takes a kind that it may list in one namespace and not in another for a failure of the cluster."""
    found = rights([Part("apps", "Deployment", "web", "a"), Part("", "ConfigMap", "base", "b")], KNOWN)

    assert set(found.spaces) == {"web", "base"}
    for rules in found.spaces.values():
        for verb in ("get", "list", "watch"):
            assert may(rules, verb, "apps", "deployments")
            assert may(rules, verb, "", "configmaps")
    for verb in ("create", "update", "patch", "delete"):
        assert may(found.spaces["web"], verb, "apps", "deployments")
        assert not may(found.spaces["base"], verb, "apps", "deployments")
        assert not may(found.cluster, verb, "apps", "deployments")


def test_secrets_are_had_by_name_and_listed_nowhere() -> None:
    (rules,) = rights([Part("", "Secret", "web", "token")], KNOWN).spaces.values()

    assert may(rules, "get", "", "secrets", "token")
    assert may(rules, "delete", "", "secrets", "token")
    assert not may(rules, "get", "", "secrets", "other")
    assert not may(rules, "list", "", "secrets", "token")
    assert not may(rules, "watch", "", "secrets", "token")


def test_what_lives_in_no_namespace_is_changed_by_name_unless_its_names_are_unknown() -> None:
    found = rights([Part("", "Namespace", "", "web"), Part(RBAC, "ClusterRole", "", "")], KNOWN).cluster

    assert may(found, "delete", "", "namespaces", "web")
    assert not may(found, "delete", "", "namespaces", "kube-system")
    assert may(found, "list", "", "namespaces")
    assert may(found, "patch", RBAC, "clusterroles", "any")


def test_the_account_has_the_rules_of_the_roles_that_it_makes_and_may_bind_those_of_others_by_name() -> None:
    own = {"roleRef": {"kind": "Role", "name": "reader"}}
    parts = [
        Part(RBAC, "Role", "kafka", "reader", {"rules": [READ_SECRET]}),
        Part(RBAC, "RoleBinding", "kafka", "reader", own),
        Part(RBAC, "RoleBinding", "web", "reader", own),  # another Role: that of web
        Part(RBAC, "ClusterRoleBinding", "", "metrics", {"roleRef": {"kind": "ClusterRole", "name": "view"}}),
    ]

    found = rights(parts, KNOWN)

    assert READ_SECRET in found.spaces["kafka"]
    assert READ_SECRET not in found.spaces["web"]
    assert not may(found.spaces["kafka"], "bind", RBAC, "roles", "reader")
    assert may(found.spaces["web"], "bind", RBAC, "roles", "reader")
    assert may(found.cluster, "bind", RBAC, "clusterroles", "view")
    assert not may(found.cluster, "bind", RBAC, "clusterroles", "cluster-admin")
    assert not any(verb in rule["verbs"] for rules in (found.cluster, *found.spaces.values())
                   for rule in rules for verb in ("escalate", "*"))  # fmt: skip


def test_a_kind_with_the_plural_of_a_core_one_is_read_too() -> None:
    """Argo CD asks for its rights without the group, so it would take one for the other."""
    served = [
        Resource("serving.knative.dev", "v1", "Service", "services", namespaced=True),
        Resource("example.org", "v1", "Secret", "secrets", namespaced=True),
        Resource("example.org", "v1", "Widget", "widgets", namespaced=True),
    ]
    (rules,) = rights(
        [Part("", "Service", "web", "a"), Part("", "Secret", "web", "b")], KNOWN, (), served
    ).spaces.values()

    assert may(rules, "list", "serving.knative.dev", "services")
    assert not may(rules, "patch", "serving.knative.dev", "services")
    assert not may(rules, "list", "example.org", "secrets")
    assert not may(rules, "list", "example.org", "widgets")


def test_a_kind_that_is_not_there_yet_is_guessed_and_named() -> None:
    found = rights([Part("kafka.strimzi.io", "Kafka", "kafka", "k")], KNOWN, ("operators",))

    assert found.guessed == ("Kafka.kafka.strimzi.io",)
    assert may(found.spaces["kafka"], "create", "kafka.strimzi.io", "kafkas")
    assert may(found.spaces["operators"], "list", "kafka.strimzi.io", "kafkas")


def test_a_role_that_gathers_others_is_named() -> None:
    part = Part(RBAC, "ClusterRole", "", "all", {"aggregationRule": {"clusterRoleSelectors": []}})

    assert rights([part], KNOWN).aggregated == ("all",)


def test_namespaces_that_are_made_come_before_the_roles_in_them() -> None:
    kinds = [one["kind"] for one in objects("east", Rights((), {"web": ()}), ["web"])]

    assert kinds.index("Role") > len(kinds) - 1 - kinds[::-1].index("Namespace")


# ---- the Secret on the hub --------------------------------------------------------------------------------------


EAST = Registration(
    "east", "https://api.east.example.org:6443", b"pem", "", ("a", "b"), "one", "uid", Hidden("planted-token")
)


def test_the_secret_is_as_argo_cd_reads_it() -> None:
    made = secret(replace(EAST, server_name="inside"), "argocd", None)
    fields = {key: base64.b64decode(text).decode() for key, text in made["data"].items()}

    assert made["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "cluster"
    assert (fields["name"], fields["server"]) == ("east", EAST.server)
    assert (fields["namespaces"], fields["clusterResources"]) == ("a,b", "true")
    assert json.loads(fields["config"]) == {
        "bearerToken": "planted-token",
        "tlsClientConfig": {"insecure": False, "caData": base64.b64encode(b"pem").decode(), "serverName": "inside"},
    }
    assert "planted-token" not in repr(EAST)


def test_argo_cd_is_asked_to_look_anew_where_rights_or_kinds_have_changed_and_only_there() -> None:
    live = secret(EAST, "argocd", None)
    live["metadata"]["annotations"][REFRESH] = "2026-01-01T00:00:00Z"

    assert secret(EAST, "argocd", live) == live
    assert secret(replace(EAST, digest="two"), "argocd", live)["metadata"]["annotations"][REFRESH] > "2026-01-01"


def test_another_token_leaves_the_rest_as_it_is() -> None:
    live = secret(EAST, "argocd", None)

    made = registration.with_token(live, Hidden("new"))

    assert registration.token(made) == Hidden("new")
    assert made == secret(replace(EAST, token=Hidden("new")), "argocd", live)


@pytest.mark.parametrize(
    ("name", "server", "known"),
    [("east", "https://x", True), ("x", f"{EAST.server}/", True), ("x", "https://x", False)],
)
def test_a_cluster_that_somebody_else_has_given_to_argo_cd_is_found(name: str, server: str, *, known: bool) -> None:
    there = secret(replace(EAST, name=name, server=server), "argocd", None)
    there["metadata"] |= {"name": "by-hand"}

    assert others(StandIn([there]), "argocd", EAST.name, EAST.server) == (["by-hand"] if known else [])


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}"])
def test_a_secret_without_a_token_has_none(text: str) -> None:
    live = {"data": {"config": base64.b64encode(text.encode()).decode()}}

    assert registration.token(live) is None


def test_respect_is_one_field_and_taken_back_only_by_whom_it_is_of() -> None:
    live: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
    }
    resource = {**live, "apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD"}

    assert registration.respected(live) == ""
    assert registration.respected(respect(live)) == "strict"
    assert registration.respected(respect(resource)) == "strict"
    assert respect_no_more(live) is None
    live["metadata"]["managedFields"] = [{"manager": registration.MANAGER}]
    assert respect_no_more(live) == {"apiVersion": "v1", "kind": "ConfigMap",
                                     "metadata": {"name": "argocd-cm", "namespace": "argocd"}}  # fmt: skip


# ---- what a person can get wrong --------------------------------------------------------------------------------


def test_a_file_of_a_chart_must_be_there_and_hold_objects(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--chart strimzi=.*No such file"):
        objects_of("strimzi", tmp_path / "none.yaml")
    (tmp_path / "no.yaml").write_text("just words\n")
    with pytest.raises(UsageError, match="something else than Kubernetes objects"):
        objects_of("strimzi", tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "west"), "medpattern bootstrap --cluster west"),
        (("add", "eats"), "east"),
        (("add", "east", "--yes", "--dry-run"), "--dry-run changes nothing"),
        (("add", "east", "--chart", "reports"), "APP=FILE"),
        (("add", "east", "--chart", "broker=x.yaml"), "such are: reports"),
        (("rotate", "west"), "medpattern bootstrap --cluster west"),
        (("remove", "gone"), "--hub"),
        (("remove", "gone", "--hub", "nowhere"), "no cluster 'nowhere'"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_told_before_any_cluster_is_asked(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    root = copy_small(tmp_path)
    render(root)

    result = medpattern("cluster", *words, root=root)

    assert (result.code, said in result.err) == (2, True), result.err


@pytest.mark.parametrize("entry", [{"certificate-authority-data": "%"}, {"certificate-authority": "/no/such/file"}])
def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, entry: dict[str, str]) -> None:
    file = tmp_path / "kubeconfig"
    cluster = {"server": "https://east", **entry}
    file.write_text(json.dumps({"contexts": [{"name": "east", "context": {"cluster": "east", "user": "u"}}],
                                "clusters": [{"name": "east", "cluster": cluster}]}))  # fmt: skip

    with pytest.raises(UsageError, match="context 'east': its certificate-authority cannot be read"):
        way(file, "east")
    with pytest.raises(UsageError, match="no context 'west' with a cluster"):
        way(file, "west")
