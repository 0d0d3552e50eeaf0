"""What spans clusters: the Applications of a spoke live in its hub."""

from __future__ import annotations

from dataclasses import replace

from medpattern.checks.wiring import fleet_wiring, wiring_findings
from tests.checks.wiring.clusters import cluster

ROOT = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: spoke-root, namespace: argocd}
spec: {project: %s, destination: {name: spoke}}
"""
PROJECT = "{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: roots, namespace: argocd}}"


def test_a_project_of_the_hub_is_there_for_its_spokes() -> None:
    hub, spoke = replace(cluster(PROJECT), cluster="hub"), replace(cluster(ROOT % "roots"), cluster="spoke")

    assert list(fleet_wiring([hub, spoke])) == []
    assert list(wiring_findings(spoke)) == [], "one cluster alone cannot say"


def test_a_project_that_no_cluster_has_is_told_with_the_near_one() -> None:
    hub, spoke = replace(cluster(PROJECT), cluster="hub"), replace(cluster(ROOT % "root"), cluster="spoke")

    (finding,) = fleet_wiring([hub, spoke])

    assert (finding.code, finding.clusters) == ("dangling-reference", ("spoke",))
    assert finding.place.file == "Application/spoke-root:spec.project"
    assert finding.cure == "did you mean 'roots'?"
