"""The program reads its own Applications back as YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from medpattern.tree.reading import ApplicationFile, read_application


def read(rendered: Path, file: str) -> ApplicationFile | None:
    return read_application((rendered / "rendered" / file).read_bytes())


def test_an_application_whose_chart_lies_in_the_tree(rendered: Path) -> None:
    found = read(rendered, "east/argocd/application-east-viewer.yaml")

    assert found == ApplicationFile("east-viewer", "east-xray", "rendered/east/charts/viewer", "images", "viewer")
    assert found.chart_folder == "east/charts/viewer"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("west/argocd/application-reports.yaml", ApplicationFile("reports", "xray", "", "images", "")),
        (
            "hub/argocd/application-east-root.yaml",
            ApplicationFile("east-root", "medpattern-root", "rendered/east", "openshift-gitops", ""),
        ),
    ],
)
def test_remote_charts_and_roots_have_no_chart_in_the_tree(
    file: str, expected: ApplicationFile, rendered: Path
) -> None:
    found = read(rendered, file)

    assert found == expected
    assert found.chart_folder == ""


@pytest.mark.parametrize("path", ["x/far/charts/viewer", "charts/viewer", "rendered/west/charts/"])
def test_a_remote_path_that_looks_like_the_trees_is_none_of_it(path: str, rendered: Path) -> None:
    manifest = yaml.safe_load((rendered / "rendered/west/argocd/application-viewer.yaml").read_text("utf-8"))
    manifest["spec"]["source"]["path"] = path

    found = read_application(yaml.safe_dump(manifest).encode())

    assert found is not None
    assert (found.path, found.app) == (path, "")


def test_how_the_yaml_is_written_does_not_matter(rendered: Path) -> None:
    file = rendered / "rendered/west/argocd/application-viewer.yaml"

    flow = yaml.safe_dump(yaml.safe_load(file.read_text("utf-8")), default_flow_style=True)

    assert read_application(flow.encode()) == read_application(file.read_bytes())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"{",
        b"- kind: Application\n",
        b"kind: AppProject\nmetadata: {name: x}\n",
        b"kind: Application\n",
        b"kind: Application\nmetadata: [name]\n",
        b"kind: Application\nmetadata: {name: x}\n---\nkind: Application\nmetadata: {name: y}\n",
    ],
)
def test_anything_else_is_none(content: bytes) -> None:
    assert read_application(content) is None


def test_what_it_does_not_say_is_empty() -> None:
    content = b"kind: Application\nmetadata: {name: x}\nspec: {source: [], destination: {namespace: 3}}\n"

    assert read_application(content) == ApplicationFile("x", "", "", "", "")
