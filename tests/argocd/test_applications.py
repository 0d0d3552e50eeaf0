"""Applications: where they live, where they deploy to, in which order, and how they sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.rendering.renderer import RenderedCluster
from tests.argocd.conftest import Clusters, rendered_clusters
from tests.fleet.small import copy_small, edit

GLOBAL = "values/values-global.yaml"
WARD = "values/values-ward.yaml"
CENTRAL = "values/values-central.yaml"
IN_CLUSTER = "https://kubernetes.default.svc"
WAVE = "argocd.argoproj.io/sync-wave"


def application(cluster: RenderedCluster, name: str) -> dict[str, Any]:
    return cluster.manifests[f"argocd/application-{name}.yaml"]


def names(cluster: RenderedCluster, kind: str) -> list[str]:
    return sorted(item["metadata"]["name"] for path, item in cluster.manifests.items()
                  if item["kind"] == kind and path.startswith("argocd/"))  # fmt: skip


def test_a_cluster_that_pulls_names_its_applications_plainly(small: Clusters) -> None:
    found = application(small["west"], "viewer")

    assert names(small["west"], "Application") == ["broker", "legend", "reports", "viewer"]
    assert found["metadata"]["namespace"] == "argocd"
    assert found["spec"]["destination"] == {"server": IN_CLUSTER, "namespace": "images"}
    assert found["spec"]["project"] == "xray"


def test_a_cluster_that_is_pushed_to_has_prefixed_ones_in_the_hub(small: Clusters) -> None:
    found = application(small["east"], "east-viewer")

    assert names(small["east"], "Application") == [
        "east-broker", "east-cluster", "east-legend", "east-reports", "east-viewer",
    ]  # fmt: skip
    assert found["metadata"]["namespace"] == "openshift-gitops"
    assert found["spec"]["destination"] == {"name": "east", "namespace": "images"}
    assert found["spec"]["project"] == "east-xray"
    assert found["spec"]["source"]["helm"]["releaseName"] == "viewer", "the release is not renamed by the hub"


def test_a_spokes_objects_live_in_the_argo_cd_of_its_hub(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/clusters/hub.yaml", "domain:", "argocd: {namespace: gitops-of-the-hub}\ndomain:")

    east = rendered_clusters(root)["east"]

    assert {item["metadata"]["namespace"] for path, item in east.manifests.items() if path.startswith("argocd/")} == {
        "gitops-of-the-hub"
    }
    assert east.manifests["root.yaml"]["metadata"]["namespace"] == "gitops-of-the-hub"


def test_the_hub_deploys_to_itself(small: Clusters) -> None:
    assert application(small["hub"], "portal")["spec"]["destination"]["server"] == IN_CLUSTER


def test_the_hub_holds_the_roots_of_its_spokes_and_of_no_others(small: Clusters) -> None:
    assert names(small["hub"], "Application") == ["east-root", "portal"]
    assert application(small["hub"], "east-root") == small["east"].manifests["root.yaml"]


def test_a_spoke_joins_and_leaves_by_its_facts_alone(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/clusters/west.yaml", "model: pull, namespace: argocd", "model: push")
    assert names(rendered_clusters(root)["hub"], "Application") == ["east-root", "portal", "west-root"]

    for name in ("east", "west"):
        (root / f"values/clusters/{name}.yaml").unlink()
    assert names(rendered_clusters(root)["hub"], "Application") == ["portal"]


@pytest.mark.parametrize(
    ("cluster", "namespace", "include"),
    [
        ("west", "argocd", "{cluster/*.yaml,argocd/*.yaml}"),
        ("hub", "openshift-gitops", "{cluster/*.yaml,argocd/*.yaml}"),
        ("east", "openshift-gitops", "argocd/*.yaml"),
    ],
)
def test_the_root_applies_a_clusters_folders_and_never_its_receipt(
    cluster: str, namespace: str, include: str, small: Clusters
) -> None:
    root = small[cluster].manifests["root.yaml"]

    assert root["metadata"]["name"] == f"{cluster}-root"
    assert root["metadata"]["namespace"] == namespace
    assert root["spec"]["project"] == "medpattern-root"
    assert root["spec"]["destination"] == {"server": IN_CLUSTER, "namespace": namespace}
    assert root["spec"]["source"] == {
        "repoURL": "https://git.example.org/small.git",
        "targetRevision": "main",
        "path": f"rendered/{cluster}",
        "directory": {"recurse": True, "include": include},
    }


def test_cluster_objects_of_a_spoke_are_applied_from_the_hub(small: Clusters) -> None:
    found = application(small["east"], "east-cluster")

    assert found["spec"]["destination"]["name"] == "east"
    assert found["spec"]["source"]["path"] == "rendered/east"
    assert found["spec"]["source"]["directory"]["include"] == "cluster/*.yaml"
    assert found["spec"]["project"] == "east-cluster"
    waves = {name: int(application(small["east"], f"east-{name}")["metadata"]["annotations"][WAVE])
             for name in ("cluster", "broker")}  # fmt: skip
    assert waves["cluster"] < waves["broker"]


def test_every_application_can_be_deleted_with_what_it_made_and_is_cheap_to_compare(small: Clusters) -> None:
    for cluster in small.values():
        for item in cluster.manifests.values():
            if item["kind"] == "Application":
                assert item["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
                assert item["metadata"]["annotations"]["argocd.argoproj.io/manifest-generate-paths"] == "."
                assert "ServerSideApply=true" in item["spec"]["syncPolicy"]["syncOptions"]


def test_waves_follow_the_declared_dependencies(small: Clusters) -> None:
    waves = {name: application(small["west"], name)["metadata"]["annotations"][WAVE]
             for name in ("broker", "legend", "viewer", "reports")}  # fmt: skip

    assert waves == {"broker": "0", "legend": "0", "viewer": "1", "reports": "2"}


def test_a_disabled_dependency_holds_nothing_up(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "path: charts/broker\n", "path: charts/broker\n      disabled: true\n")

    west = rendered_clusters(root)["west"]

    assert application(west, "viewer")["metadata"]["annotations"][WAVE] == "0"
    assert application(west, "reports")["metadata"]["annotations"][WAVE] == "1"


def test_namespaces_operators_and_projects_come_before_applications(small: Clusters) -> None:
    def latest(kind: str) -> int:
        return max(int(item["metadata"]["annotations"][WAVE]) for item in small["hub"].manifests.values()
                   if item["kind"] == kind)  # fmt: skip

    assert latest("Namespace") < latest("OperatorGroup") <= latest("Subscription") < latest("AppProject") < 0


# ---- sync policies ---------------------------------------------------------------------------------------------


def policy(root: Path) -> Any:
    return application(rendered_clusters(root)["west"], "viewer")["spec"]["syncPolicy"]


ALWAYS = ["ServerSideApply=true", "SkipDryRunOnMissingResource=true"]


@pytest.mark.parametrize("word", ["Automatic", "automatic"])
def test_automatic_prunes_heals_and_tries_again(word: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, GLOBAL, "syncPolicy: Automatic", f"syncPolicy: {word}")

    assert policy(root) == {
        "automated": {"prune": True, "selfHeal": True},
        "retry": {"limit": 20, "refresh": True, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
        "syncOptions": ALWAYS,
    }


@pytest.mark.parametrize("word", ["Manual", "manual"])
def test_manual_waits_for_a_person(word: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, GLOBAL, "syncPolicy: Automatic", f"syncPolicy: {word}")

    assert policy(root) == {"syncOptions": ALWAYS}


def test_options_of_the_pattern_reach_every_application(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, GLOBAL, "    syncPolicy: Automatic\n",
         "    prune: false\n    selfHeal: false\n    applicationRetryLimit: -1\n")  # fmt: skip

    found = policy(root)

    assert found["automated"] == {"prune": False, "selfHeal": False}
    assert found["retry"]["limit"] == -1


def test_a_clusters_file_can_change_an_option_for_one_cluster(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/values-east.yaml").write_text("global: {options: {syncPolicy: Manual}}\n", "utf-8")

    clusters = rendered_clusters(root)

    assert "automated" not in application(clusters["east"], "east-viewer")["spec"]["syncPolicy"]
    assert "automated" in application(clusters["west"], "viewer")["spec"]["syncPolicy"]


def test_an_applications_own_policy_wins_word_or_object(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "      path: charts/viewer\n", "      path: charts/viewer\n      syncPolicy: Manual\n")
    assert policy(root) == {"syncOptions": ALWAYS}

    own = "{automated: {prune: false}, syncOptions: [ServerSideApply=false, Validate=false]}"
    edit(root, WARD, "syncPolicy: Manual", f"syncPolicy: {own}")
    assert policy(root) == {
        "automated": {"prune": False},
        "syncOptions": ["ServerSideApply=false", "Validate=false", "SkipDryRunOnMissingResource=true"],
    }


def test_annotations_and_ignored_differences_arrive(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "      path: charts/viewer\n",
         "      path: charts/viewer\n      annotations: {example.org/on-call: radiology}\n"
         "      ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]\n")  # fmt: skip

    found = application(rendered_clusters(root)["west"], "viewer")

    assert found["metadata"]["annotations"]["example.org/on-call"] == "radiology"
    assert found["spec"]["ignoreDifferences"] == [
        {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    ]


# ---- sources ---------------------------------------------------------------------------------------------------


def test_a_remote_chart_is_pinned_and_its_values_keep_their_nulls(small: Clusters) -> None:
    source = application(small["west"], "reports")["spec"]["source"]

    assert (source["repoURL"], source["chart"], source["targetRevision"]) == (
        "https://charts.example.org", "reports", "1.2.3",
    )  # fmt: skip
    assert yaml.safe_load(source["helm"]["values"]) == {"font": None, "pages": 2}
    assert "valuesObject" not in source["helm"], "the API server would drop the null"


def test_a_path_in_another_repository_is_pinned_too(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(
        root,
        WARD,
        "      chart: reports\n      chartVersion: 1.2.3\n",
        "      path: deploy\n      targetRevision: v7\n",
    )

    source = application(rendered_clusters(root)["west"], "reports")["spec"]["source"]

    assert (source["repoURL"], source["path"], source["targetRevision"]) == (
        "https://charts.example.org", "deploy", "v7",
    )  # fmt: skip


def test_overrides_are_merged_into_values_and_no_parameters_are_left(small: Clusters, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "        font: null\n", "        font: serif\n")
    overrides = "[{name: pages, value: 3}, {name: paper.size, value: A4}]"
    edit(root, WARD, "      chart: reports\n", f"      chart: reports\n      overrides: {overrides}\n")
    source = application(rendered_clusters(root)["west"], "reports")["spec"]["source"]

    assert yaml.safe_load(source["helm"]["values"]) == {"font": "serif", "pages": 3, "paper": {"size": "A4"}}
    portal = next(app for app in small["hub"].apps if app.app.name == "portal")
    assert portal.chart is not None
    assert portal.chart.values["replicas"] == 4
    for cluster in small.values():
        for item in cluster.manifests.values():
            if item["kind"] == "Application":
                assert "parameters" not in item["spec"]["source"].get("helm", {})


def test_nothing_is_taken_from_the_work_trees_remote_or_branch(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/clusters/west.yaml", "ring: 1",
         "parameters: {repoURL: https://mirror.example.org/x.git, targetRevision: ring-1}")  # fmt: skip

    clusters = rendered_clusters(root)

    for path in ("root.yaml", "argocd/application-viewer.yaml"):
        source = clusters["west"].manifests[path]["spec"]["source"]
        assert (source["repoURL"], source["targetRevision"]) == ("https://mirror.example.org/x.git", "ring-1")
    assert clusters["hub"].manifests["root.yaml"]["spec"]["source"]["targetRevision"] == "main"
