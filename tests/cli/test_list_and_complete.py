"""`list` and the completion of names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from medpattern.cli.options import complete_app, complete_cluster
from tests.fleet.small import CHECKOUT, SMALL, copy_small, edit, medpattern


def listed(what: str, *arguments: str, root: Path = SMALL) -> Any:
    result = medpattern("list", what, *arguments, "--output", "json", root=root)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_clusters_with_their_facts() -> None:
    assert listed("clusters") == [
        {"cluster": "east", "group": "ward", "distribution": "openshift", "platform": "VSphere", "version": "4.20",
         "hub": "hub", "model": "push", "ring": "-"},
        {"cluster": "hub", "group": "central", "distribution": "openshift", "platform": "AWS", "version": "4.20",
         "hub": "hub", "model": "pull", "ring": "-"},
        {"cluster": "west", "group": "ward", "distribution": "kubernetes", "platform": "None", "version": "1.34",
         "hub": "hub", "model": "pull", "ring": "1"},
    ]  # fmt: skip


def test_applications_in_the_order_of_their_first_installation(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "    legend:\n", "    legend:\n      disabled: true\n")

    assert [(item["wave"], item["app"], item["chart"], item["version"]) for item in
            listed("apps", "--cluster", "west", root=root)] == [
        ("0", "broker", "charts/broker", "-"),
        ("1", "viewer", "charts/viewer", "-"),
        ("2", "reports", "https://charts.example.org reports", "1.2.3"),
        ("disabled", "legend", "charts/legend", "-"),
    ]  # fmt: skip


def test_charts_of_the_repository_and_of_medpattern() -> None:
    found = {item["chart"]: (item["form"], item["from"]) for item in listed("charts")}

    assert found["charts/viewer"] == ("chart source", "repository")
    assert found["charts/legend"] == ("Helm chart", "repository")
    assert found["charts/kafka"] == ("chart source", "medpattern")


def test_layers_low_to_high() -> None:
    assert [(item["layer"], item["file"]) for item in listed("layers", "--cluster", "west")] == [
        ("global", "values/values-global.yaml"),
        ("group", "values/values-ward.yaml"),
        ("cluster", "values/values-west.yaml"),
        ("shared", "values/shared.yaml"),
    ]


def test_everything_that_a_disconnected_cluster_has_to_mirror() -> None:
    found = {(item["kind"], item["reference"]) for item in listed("images", "--cluster", "east")}

    digest = "sha256:" + 64 * "0"
    assert found == {
        ("image", f"quay.io/example/viewer:1.0@{digest}"),
        ("chart", "https://charts.example.org reports:1.2.3"),
        ("git", "https://git.example.org/small.git@main"),
        ("catalog", "community-operators strimzi-kafka-operator"),
    }


def test_the_shipped_fleet_lists_images_of_every_pinned_container() -> None:
    result = medpattern("list", "images", "--cluster", "hospital-2", root=CHECKOUT)

    assert result.code == 0
    assert all(":" in line.split()[2] for line in result.out.splitlines() if line.split()[1] == "image")
    assert "hospital-2/rook: images of a remote chart are not known here" in result.err


def context(**params: Any) -> Any:
    found = click.Context(click.Command("x"))
    found.params = params
    return found


@pytest.mark.parametrize(("typed", "names"), [("", ["east", "hub", "west"]), ("e", ["east"]), ("x", [])])
def test_cluster_names_are_completed(typed: str, names: list[str]) -> None:
    assert complete_cluster(context(root=SMALL), typed) == names


@pytest.mark.parametrize(
    ("cluster", "typed", "names"),
    [
        (None, "", ["broker", "legend", "portal", "reports", "viewer"]),
        ("hub", "", ["portal"]),
        (["hub", "west"], "r", ["reports"]),
        ("nowhere", "", []),
    ],
)
def test_application_names_are_completed_for_the_cluster_that_stands_before(
    cluster: Any, typed: str, names: list[str]
) -> None:
    assert complete_app(context(root=SMALL, cluster=cluster), typed) == names


def test_completion_outside_a_repository_is_silent(tmp_path: Path) -> None:
    assert complete_cluster(context(root=tmp_path), "") == []
    assert complete_app(context(root=tmp_path), "") == []


def test_completion_in_a_broken_repository_is_silent(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/values-global.yaml").write_text("main: [\n", "utf-8")

    assert complete_cluster(context(root=root), "e") == ["east"]
    assert "viewer" in complete_app(context(root=root), "")
