"""--stdout prints what Argo CD would apply, as one YAML stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.renderer import Renderer
from tests.fleet.small import copy_small, medpattern


@pytest.mark.parametrize("cluster", ["east", "hub", "west"])
def test_the_stream_is_the_manifests_and_all_hydrated_charts(cluster: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    rendered = Renderer(load_fleet(root)).cluster(cluster)
    expected = [*rendered.manifests.values(), *(found for app in rendered.apps for found in app.objects())]

    result = medpattern("render", "--stdout", "--cluster", cluster, root=root)

    assert result.code == 0
    assert list(yaml.safe_load_all(result.out)) == expected
    assert result.out.count("---\n") == len(expected)
    assert not (root / "rendered").exists()


def test_of_one_application_only_its_objects_are_printed(tmp_path: Path) -> None:
    root = copy_small(tmp_path)

    result = medpattern("render", "--stdout", "--cluster", "west", "--app", "broker", root=root)

    assert [found["kind"] for found in yaml.safe_load_all(result.out)] == ["ConfigMap", "KafkaTopic", "KafkaTopic"]


def test_an_ordinary_chart_is_hydrated_by_helm(tmp_path: Path) -> None:
    result = medpattern("render", "--stdout", "--cluster", "west", "--app", "legend", root=copy_small(tmp_path))

    (found,) = yaml.safe_load_all(result.out)
    assert found["data"] == {"size": "3", "red": "pneumonia", "green": "normal"}


def test_what_cannot_be_hydrated_is_said(tmp_path: Path) -> None:
    result = medpattern("render", "--stdout", "--cluster", "west", "--app", "reports", root=copy_small(tmp_path))

    assert (result.code, result.out) == (0, "")
    assert "west/reports: not hydrated" in result.err


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    result = medpattern("render", "--stdout", "--cluster", "hub", "--output", "json", root=copy_small(tmp_path))

    kinds = [json.loads(line)["kind"] for line in result.out.splitlines()]
    assert "AppProject" in kinds
    assert kinds.count("Application") == 3, "portal, the root of east and the hub's own"
