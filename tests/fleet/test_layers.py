"""The layers of a cluster's values: their order, what each may name, and where a value came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medpattern.fleet.fleet import load_fleet
from medpattern.fleet.layers import fill_in, trace
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.renderer import Renderer
from tests.fleet.small import copy_small, edit

# Low to high: the layers of the cluster west, below what its application sets itself.
FILES = [
    ("global", "values-global.yaml"),
    ("group", "values-ward.yaml"),
    ("platform", "values-None.yaml"),
    ("platform-version", "values-None-1.34.yaml"),
    ("platform-group", "values-None-ward.yaml"),
    ("version-group", "values-1.34-ward.yaml"),
    ("cluster", "values-west.yaml"),
    ("extra", "extra.yaml"),
    ("shared", "shared.yaml"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = copy_small(tmp_path)
    edit(root, "values/values-global.yaml", "global:\n", "global:\n  extraValueFiles: [/extra.yaml]\n")
    edit(root, "values/values-ward.yaml", "        replicas: 2\n", "")
    edit(root, "values/values-west.yaml", "    viewer:\n      values:\n        replicas: 1\n", "    viewer: {}\n")
    for number, (_, file) in enumerate(FILES):
        path = root / "values" / file
        text = path.read_text("utf-8") if path.exists() else ""
        path.write_text(f"{text}replicas: {number}\n", "utf-8")
    return root


def viewer(root: Path) -> RenderedApp:
    renderer = Renderer(load_fleet(root))
    found = next(app for app in renderer.cluster("west").apps if app.app.name == "viewer")
    assert renderer.findings == ()
    return found


def test_layers_win_in_the_documented_order(root: Path) -> None:
    cluster = load_fleet(root).cluster("west")

    assert [(layer.role, layer.document.file) for layer in cluster.layers] == [
        (role, f"values/{file}") for role, file in FILES
    ]


@pytest.mark.parametrize("count", range(1, len(FILES) + 1))
def test_of_the_layers_that_set_a_value_the_highest_wins(count: int, root: Path) -> None:
    for _, file in FILES[count:]:
        path = root / "values" / file
        path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]) + "\n", "utf-8")

    found = viewer(root)

    assert found.values.values["replicas"] == count - 1
    chain = list(found.values.chain(("replicas",)))
    assert [(item.role, item.place.file) for item in chain[:-1]] == [
        (role, f"values/{file}") for role, file in reversed(FILES[:count])
    ]
    assert (chain[-1].role, chain[-1].place.file, chain[-1].value) == ("chart default", "charts/viewer/values.yaml", 1)


def test_an_application_has_four_more_layers_of_its_own(root: Path) -> None:
    (root / "values/own.yaml").write_text("replicas: 100\ntitle: from a file\n", "utf-8")
    edit(root, "values/values-west.yaml", "viewer: {}", "viewer: {extraValueFiles: [/own.yaml]}")
    assert viewer(root).values.values["replicas"] == 100

    edit(root, "values/values-west.yaml", "own.yaml]}", "own.yaml], values: {replicas: 101}}")
    assert viewer(root).values.values["replicas"] == 101

    edit(
        root, "values/values-west.yaml", "replicas: 101}}", "replicas: 101}, overrides: [{name: replicas, value: 102}]}"
    )
    found = viewer(root)
    assert found.values.values["replicas"] == 102
    assert [item.value for item in found.values.chain(("replicas",))][:3] == [102, 101, 100]
    assert next(iter(found.values.chain(("replicas",)))).role == "overrides"
    assert found.values.values["title"] == "Ward", "the section values: is higher than a file"


def test_an_applications_values_reach_no_other_chart(root: Path) -> None:
    cluster = Renderer(load_fleet(root)).cluster("west")
    broker = next(app for app in cluster.apps if app.app.name == "broker")

    assert "title" not in broker.values.values


@pytest.mark.parametrize("layer", range(1, len(FILES)))
def test_a_null_deletes_at_every_layer_and_a_higher_value_brings_it_back(layer: int, root: Path) -> None:
    for number, (_, file) in enumerate(FILES):
        path = root / "values" / file
        lines = path.read_text("utf-8").splitlines()[:-1]
        if number == layer - 1:
            lines.append("title: low")
        elif number == layer:
            lines.append("title: null")
        path.write_text("\n".join(lines) + "\n", "utf-8")
    edit(root, "values/values-ward.yaml", "        title: Ward\n", "")

    assert viewer(root).values.values["title"] is None


def test_lists_replace_and_maps_merge(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/values-west.yaml").write_text(
        "clusterGroup:\n"
        "  argoProjects: [xray, platform, extra]\n"
        "  applications:\n"
        "    broker: {values: {topics: {results: {partitions: 9}}}}\n",
        "utf-8",
    )

    cluster = load_fleet(root).cluster("west")

    assert [project.name for project in cluster.projects] == ["xray", "platform", "extra"]
    broker = next(app for app in cluster.applications if app.name == "broker")
    assert broker.values == {"topics": {"images": {"partitions": 3}, "results": {"partitions": 9}}}
    assert broker.namespace == "broker"


def test_a_shared_files_name_is_filled_in_from_values_and_facts(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "- /shared.yaml",
         "- '/{{ $.Values.global.pattern }}-{{ $.Values.global.clusterPlatform }}.yaml'")  # fmt: skip
    for platform in ("None", "VSphere"):
        (root / f"values/small-{platform}.yaml").write_text("logLevel: INFO\n", "utf-8")

    fleet = load_fleet(root)

    assert fleet.cluster("west").layers[-1].document.file == "values/small-None.yaml"
    assert fleet.cluster("east").layers[-1].document.file == "values/small-VSphere.yaml"
    assert fleet.findings == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/plain.yaml", ("/plain.yaml", "")),
        ("/{{ $.Values.a.b }}.yaml", ("/word.yaml", "")),
        ("/{{.Values.a.b}}-{{- $.Values.n -}}.yaml", ("/word-7.yaml", "")),
        ("/{{ $.Values.global.clusterVersion }}.yaml", ("/4.20.yaml", "")),
        ("/{{ $.Values.gone }}.yaml", ("/.yaml", "{{ $.Values.gone }}")),
        ("/{{ upper $.Values.a.b }}.yaml", ("/.yaml", "{{ upper $.Values.a.b }}")),
    ],
)
def test_only_plain_references_stand_in_names_of_value_files(name: str, expected: tuple[str, str]) -> None:
    values: dict[str, Any] = {"a": {"b": "word"}, "n": 7}

    assert fill_in(name, values, {"clusterVersion": "4.20"}) == expected


def test_a_value_file_outside_the_repository_is_not_read(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (tmp_path / "secret.yaml").write_text("logLevel: INFO\n", "utf-8")
    edit(root, "values/values-ward.yaml", "- /shared.yaml", "- /../../secret.yaml")
    fleet = load_fleet(root)

    fleet.cluster("west")

    assert [finding.code for finding in fleet.findings] == ["value-file-missing"]


def test_a_trace_names_whole_maps_and_nulls_above_the_path(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/values-west.yaml").write_text("image: null\n", "utf-8")
    edit(root, "values/shared.yaml", "logLevel", "image: {tag: '2'}\nlogLevel")

    chain = trace(load_fleet(root).cluster("west").layers, ("image", "tag"))

    assert [(item.role, item.value) for item in chain] == [("shared", "2"), ("cluster", None)]


def test_clusters_of_one_group_share_what_they_have_in_common(tmp_path: Path) -> None:
    fleet = load_fleet(copy_small(tmp_path))

    east, west = fleet.cluster("east"), fleet.cluster("west")

    assert east.layers[0].document is west.layers[0].document
    assert east.values["main"] is west.values["main"]
