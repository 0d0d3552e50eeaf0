"""Facts of a cluster, the defaults that follow from them, and what is injected as global.*."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.errors import UsageError
from medpattern.fleet.facts import Facts
from medpattern.fleet.fleet import Fleet, load_fleet
from tests.fleet.small import copy_small, edit

HUB = "values/clusters/hub.yaml"
EAST = "values/clusters/east.yaml"
WEST = "values/clusters/west.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_small(tmp_path)


def facts(root: Path, name: str) -> Facts:
    return load_fleet(root).facts[name]


def injected(root: Path, name: str) -> dict[str, object]:
    return load_fleet(root).cluster(name).globals


@pytest.mark.parametrize(("release", "kubernetes"), [("4.1", "1.14"), ("4.18", "1.31"), ("4.20", "1.33")])
def test_openshift_tells_the_version_of_its_kubernetes(release: str, kubernetes: str, root: Path) -> None:
    edit(root, EAST, "4.20", release)

    assert facts(root, "east").kubernetes_version == kubernetes


def test_kubernetes_is_its_own_version_and_a_written_one_wins(root: Path) -> None:
    assert facts(root, "west").kubernetes_version == "1.34"

    edit(root, EAST, "group:", 'kubernetesVersion: "1.34"\ngroup:')
    assert facts(root, "east").kubernetes_version == "1.34"


def test_the_domain_of_applications_follows_from_the_cluster_unless_it_is_written(root: Path) -> None:
    assert facts(root, "west").apps_domain == "apps.west.example.org"

    edit(root, WEST, "domain:", "appsDomain: pages.example.org\ndomain:")
    assert facts(root, "west").apps_domain == "pages.example.org"


def test_a_cluster_without_a_hub_is_its_own_and_pulls(root: Path) -> None:
    hub = facts(root, "hub")

    assert (hub.hub, hub.argocd_model, hub.is_pushed) == ("hub", "pull", False)


def test_a_cluster_with_a_hub_is_pushed_to_unless_it_says_pull(root: Path) -> None:
    edit(root, EAST, "argocd: {model: push}\n", "")

    assert facts(root, "east").is_pushed
    assert not facts(root, "west").is_pushed


def test_the_namespace_of_argo_cd_follows_the_distribution(root: Path) -> None:
    edit(root, WEST, ", namespace: argocd", "")

    assert facts(root, "east").argocd_namespace == "openshift-gitops"
    assert facts(root, "west").argocd_namespace == "argocd"


def test_charts_see_the_facts_as_globals(root: Path) -> None:
    values = injected(root, "east")

    assert values["clusterDomain"] == "east.example.org"
    assert values["localClusterDomain"] == "apps.east.example.org"
    assert values["hubClusterDomain"] == "apps.hub.example.org"
    assert values["clusterPlatform"] == "VSphere"
    assert values["clusterVersion"] == "4.20"
    assert values["localClusterName"] == "east"
    assert values["distribution"] == "openshift"
    assert values["kubernetesVersion"] == "1.33"
    assert values["repoURL"] == "https://git.example.org/small.git"
    assert values["targetRevision"] == "main"
    assert values["namespace"] == "openshift-gitops"
    assert values["pattern"] == "small", "what values files set under global stays"


def test_an_unknown_fact_is_left_out_and_never_invented(root: Path) -> None:
    edit(root, WEST, "domain: west.example.org\n", "")

    values = injected(root, "west")

    assert "clusterDomain" not in values
    assert "localClusterDomain" not in values


def test_a_fact_wins_over_a_values_file_and_a_parameter_over_a_fact(root: Path) -> None:
    (root / "values/values-west.yaml").write_text("global: {clusterDomain: values, clusterPlatform: values}\n", "utf-8")
    edit(root, WEST, "ring: 1", "ring: 1\nparameters: {clusterPlatform: parameter, bed: 7}")

    values = injected(root, "west")

    assert values["clusterDomain"] == "west.example.org"
    assert values["clusterPlatform"] == "parameter"
    assert values["bed"] == 7


def test_parameters_name_another_repository_and_branch_for_one_cluster(root: Path) -> None:
    edit(root, WEST, "ring: 1", "parameters: {repoURL: https://mirror.example.org/x.git, targetRevision: ring-1}")

    assert injected(root, "west")["repoURL"] == "https://mirror.example.org/x.git"
    assert injected(root, "west")["targetRevision"] == "ring-1"
    assert injected(root, "east")["repoURL"] == "https://git.example.org/small.git"


def test_clusters_may_lie_outside_the_repository(root: Path, tmp_path: Path) -> None:
    (root / "values/clusters").rename(tmp_path / "elsewhere")

    fleet = load_fleet(root, clusters=str(tmp_path / "elsewhere"))

    assert sorted(fleet.facts) == ["east", "hub", "west"]
    assert fleet.findings == ()


def one_cluster(root: Path) -> Fleet:
    for path in (root / "values/clusters").iterdir():
        path.unlink()
    return load_fleet(root)


def test_without_facts_one_cluster_is_rendered_after_the_group_of_the_hub(root: Path) -> None:
    fleet = one_cluster(root)

    assert list(fleet.facts) == ["central"]
    assert [app.name for app in fleet.cluster("central").applications] == ["portal"]
    assert {(finding.code, finding.key) for finding in fleet.findings} == {
        ("unknown-fact", "domain"),
        ("unknown-fact", "platform"),
        ("unknown-fact", "version"),
    }


def test_without_facts_and_without_a_group_there_is_nothing_to_render(root: Path) -> None:
    edit(root, "values/values-global.yaml", "  clusterGroupName: central\n", "")

    with pytest.raises(UsageError, match=r"clusters/<name>\.yaml"):
        one_cluster(root)


def test_a_folder_without_values_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="medpattern init"):
        load_fleet(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        load_fleet(tmp_path / "nowhere")


def test_values_are_found_in_values_or_beside_or_in_a_variant(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    assert load_fleet(root).values_folder == "values"

    for path in sorted((root / "values").iterdir()):
        path.rename(root / path.name)
    assert load_fleet(root).values_folder == "."
    assert load_fleet(root).findings == ()

    edit(root, "values-global.yaml", "main:\n", "main:\n  variant: small\n")
    (root / "variants").mkdir()
    (root / "variants/small").mkdir()
    for path in [*root.glob("*.yaml"), root / "clusters"]:
        path.rename(root / "variants/small" / path.name)
    (root / "values-global.yaml").write_text("main: {variant: small}\n", "utf-8")
    assert load_fleet(root).values_folder == "variants/small"
    assert sorted(load_fleet(root).facts) == ["east", "hub", "west"]
