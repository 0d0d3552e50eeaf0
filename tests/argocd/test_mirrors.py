"""A disconnected hospital: with global.mirrors no reference leads outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medpattern.charts.mirrors import mirrored
from tests.argocd.conftest import Clusters, rendered_clusters
from tests.fleet.small import CHECKOUT, edit, medpattern

INSIDE = "mirror.inside.example"


@pytest.fixture(scope="module")
def disconnected(shipped: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped fleet with a mirror for every host and catalog that it refers to."""
    root = tmp_path_factory.mktemp("disconnected")
    shutil.copytree(CHECKOUT / "values", root / "values")
    mirrors = {}
    for item in json.loads(medpattern("list", "images", "--output", "json", root=CHECKOUT).out):
        reference = item["reference"].split()[0]
        if item["kind"] == "catalog":
            mirrors[reference] = f"{INSIDE.replace('.', '-')}-{reference}"
        else:
            scheme, separator, rest = reference.rpartition("://")
            host = scheme + separator + rest.partition("/")[0]
            mirrors[host] = f"{scheme}{separator}{INSIDE}/{rest.partition('/')[0]}"
    lines = "".join(f'    "{old}": "{new}"\n' for old, new in sorted(mirrors.items()))
    edit(root, "values/values-global.yaml", "global:\n", f"global:\n  mirrors:\n{lines}")
    return root


def test_no_reference_is_left_that_is_not_mirrored(disconnected: Path) -> None:
    result = medpattern("list", "images", "--output", "json", root=disconnected)

    references = json.loads(result.out)
    assert {item["kind"] for item in references} == {"image", "chart", "git", "catalog"}
    assert [item for item in references
            if INSIDE not in item["reference"] and INSIDE.replace(".", "-") not in item["reference"]] == []  # fmt: skip


def texts(node: Any) -> Iterator[str]:
    """Every string value in an object; keys, such as those of labels, refer to nothing."""
    if isinstance(node, dict):
        for item in node.values():
            yield from texts(item)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, str):
        yield node


def test_no_outside_host_is_left_anywhere_in_the_rendered_objects(disconnected: Path) -> None:
    hosts = {
        item["reference"].rpartition("://")[2].partition("/")[0].split()[0]
        for item in json.loads(medpattern("list", "images", "--output", "json", root=CHECKOUT).out)
        if item["kind"] != "catalog"
    }
    assert "quay.io" in hosts or len(hosts) > 3

    left = [
        (cluster.cluster.name, text)
        for cluster in rendered_clusters(disconnected).values()
        for found in [*cluster.manifests.values(), *(item for app in cluster.apps for item in app.objects())]
        for text in texts(found)
        if any(text.startswith(f"{host}/") or f"://{host}/" in text for host in hosts)
    ]

    assert left == []


def test_applications_still_fit_their_projects(disconnected: Path) -> None:
    for cluster in rendered_clusters(disconnected).values():
        projects = {item["metadata"]["name"]: item["spec"]["sourceRepos"] for item in cluster.manifests.values()
                    if item["kind"] == "AppProject"}  # fmt: skip
        for path, item in cluster.manifests.items():
            if item["kind"] == "Application" and path.startswith("argocd/") and not path.endswith("-root.yaml"):
                assert item["spec"]["source"]["repoURL"] in projects[item["spec"]["project"]]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("quay.io/a/b:1", "m.example/q/a/b:1"),
        ("quay.io/special/b@sha256:0", "other.example/b@sha256:0"),
        ("quay.iox/a/b:1", "quay.iox/a/b:1"),
        ("docker.io/a", "docker.io/a"),
        ("quay.io", "m.example/q"),
    ],
)
def test_the_longest_prefix_wins_and_ends_at_a_boundary(reference: str, expected: str) -> None:
    assert mirrored(reference, {"quay.io": "m.example/q", "quay.io/special": "other.example"}) == expected
