"""Projects keep the rights that pruning needs, and say so when they lose some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.fleet.small import CHECKOUT, copy_small, edit, manifest, medpattern

WARD = "values/values-ward.yaml"


def destinations(root: Path, file: str) -> list[Any]:
    return [item["namespace"] for item in manifest(root / file)["spec"]["destinations"]]


def test_a_disabled_application_keeps_the_namespaces_its_objects_name(tmp_path: Path) -> None:
    """The serverless chart makes objects in knative-eventing beside its own namespace."""
    out = tmp_path / "tree"
    command = ["render", "--root", tmp_path, "--out", out]
    for name in ("values", "charts"):
        (tmp_path / name).mkdir()
        for path in (CHECKOUT / name).rglob("*"):
            target = tmp_path / name / path.relative_to(CHECKOUT / name)
            target.mkdir(parents=True, exist_ok=True) if path.is_dir() else target.write_bytes(path.read_bytes())
    assert medpattern(*command).code == 0
    project = out / "hospital-1/argocd/appproject-hospital-1-platform.yaml"
    before = project.read_bytes()
    assert b"knative-eventing" in before
    disabled = "  applications:\n    serverless: {disabled: true}\n"
    edit(tmp_path, "values/values-hospital-1.yaml", "  applications:\n", disabled)

    assert medpattern(*command).code == 0

    assert not (out / "hospital-1/argocd/application-hospital-1-serverless.yaml").exists()
    assert project.read_bytes() == before


def test_a_project_that_loses_rights_is_told(rendered: Path) -> None:
    (rendered / "charts/viewer/templates/second.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: second\nspec:\n  podSelector: {}\n",
        "utf-8",
    )
    assert "project-shrinks" not in medpattern("render", root=rendered).err
    (rendered / "charts/viewer/templates/second.yaml").unlink()

    result = medpattern("render", root=rendered)

    assert result.code == 0
    assert "warning[project-shrinks]" in result.err
    assert "networking.k8s.io/NetworkPolicy" in result.err


def test_roots_file_can_be_applied_to_an_empty_argo_cd(rendered: Path) -> None:
    """Argo CD refuses an Application whose project is missing, so the project comes first."""
    for cluster in ("hub", "west"):
        project, root = yaml.safe_load_all((rendered / f"rendered/{cluster}/root.yaml").read_text("utf-8"))
        assert (project["kind"], root["kind"]) == ("AppProject", "Application")
        assert root["spec"]["project"] == project["metadata"]["name"]
        assert project == manifest(rendered / f"rendered/{cluster}/argocd/appproject-medpattern-root.yaml")


def test_a_namespace_that_only_an_application_names_must_be_declared(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "      chart: reports\n", "      chart: reports\n      extraNamespaces: [archive]\n")
    result = medpattern("render", root=root)
    assert result.code == 2
    assert "error[undeclared-namespace] clusterGroup.applications.reports.extraNamespaces[0]" in result.err


def test_a_wildcard_is_no_namespace(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "      chart: reports\n", "      chart: reports\n      extraNamespaces: ['*']\n")
    assert medpattern("render", root=root).code == 2
