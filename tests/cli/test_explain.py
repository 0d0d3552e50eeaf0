"""`explain`: where a value comes from, and where a field of an object comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medpattern.findings import dotted
from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.renderer import Renderer
from tests.fleet.small import CHECKOUT, SMALL, copy_small, edit, medpattern


def explain(*arguments: str, root: Path = SMALL) -> Any:
    result = medpattern("explain", *arguments, "--output", "json", root=root)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_value_with_the_chain_of_what_it_shadows_and_who_reads_it() -> None:
    assert explain("west", "viewer", "replicas") == {
        "path": "replicas",
        "value": 1,
        "chain": [
            {"layer": "cluster", "place": "values/values-west.yaml:5:9", "value": 1},
            {"layer": "group", "place": "values/values-ward.yaml:29:9", "value": 2},
            {"layer": "chart default", "place": "charts/viewer/values.yaml:2:1", "value": 1},
        ],
        "readBy": ["charts/viewer/templates/viewer.yaml:11:1"],
    }


def test_the_same_as_text() -> None:
    result = medpattern("explain", "west", "viewer", "replicas", root=SMALL)

    assert result.out.splitlines() == [
        "replicas = 1",
        "  set by  values/values-west.yaml:5:9  1  (cluster)",
        "  over    values/values-ward.yaml:29:9  2  (group)",
        "  over    charts/viewer/values.yaml:2:1  1  (chart default)",
        "  read by charts/viewer/templates/viewer.yaml:11",
    ]


def test_an_override_stands_above_all() -> None:
    chain = explain("hub", "portal", "replicas")["chain"]

    assert [item["layer"] for item in chain] == ["overrides", "chart default"]
    assert chain[0]["place"] == "values/values-central.yaml:24:11"


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("global.clusterDomain", "west.example.org", "values/clusters/west.yaml:5:1"),
        ("global.localClusterDomain", "apps.west.example.org", "values/clusters/west.yaml:1:1"),
        ("global.distribution", "kubernetes", "values/clusters/west.yaml:2:1"),
        ("global.pattern", "small", "values/values-global.yaml:2:3"),
    ],
)
def test_facts_are_explained_by_the_clusters_file(path: str, value: str, place: str) -> None:
    found = explain("west", "viewer", path)

    assert found["value"] == value
    assert found["chain"][0]["place"] == place


def leaf_paths(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from leaf_paths(item, (*path, key))
    else:
        yield path


@pytest.fixture(scope="module")
def risk_assessment() -> RenderedApp:
    cluster = Renderer(load_fleet(CHECKOUT)).cluster("hospital-1")
    return next(app for app in cluster.apps if app.app.name == "risk-assessment")


def test_every_value_of_an_application_has_a_place(risk_assessment: RenderedApp) -> None:
    """Through the command that lists all of them, and held against the values of the generated chart."""
    assert risk_assessment.chart is not None
    listed = {item["path"]: item for item in explain("hospital-1", "risk-assessment", root=CHECKOUT)}

    for path in leaf_paths(risk_assessment.chart.values):
        item = listed[dotted(path)]
        file, line, column = item["place"].rsplit(":", 2)
        lines = (CHECKOUT / file).read_text("utf-8").splitlines()
        assert lines[int(line) - 1][int(column) - 1 :].strip(), "something stands there"
        assert item["layer"]


def test_every_value_of_an_application_that_is_in_its_chart_is_read_by_a_line(risk_assessment: RenderedApp) -> None:
    from medpattern.rendering.explain import explain_value

    assert risk_assessment.chart is not None
    unread = []
    for path in leaf_paths(risk_assessment.chart.values):
        found = explain_value(risk_assessment, path)
        if not found.readers or not tuple(found.chain):
            unread.append(dotted(path))

    assert unread == []


def test_every_field_of_every_object_has_its_template_line(risk_assessment: RenderedApp) -> None:
    from medpattern.rendering.explain import explain_object

    for made in risk_assessment.objects():
        name = made["metadata"]["name"]
        for path in leaf_paths(made):
            found = explain_object(risk_assessment, made["kind"], name, path)
            assert found
            for item in found:
                lines = (CHECKOUT / item.place.file).read_text("utf-8").splitlines()
                assert item.text == lines[item.place.line - 1].strip()
                if path not in (("apiVersion",), ("kind",)) and "argocd.argoproj.io/sync-options" not in path:
                    assert item.place.line > 0, (made["kind"], name, path)


def test_a_field_names_its_template_line_its_leaf_and_the_loop_around() -> None:
    (found,) = explain("west", "broker", "--object", "KafkaTopic/images", "--field", "spec.partitions")

    assert found["value"] == 3
    assert found["template"] == "charts/broker/templates/topics.yaml:10:1"
    assert found["line"] == 'partitions: [[ value(topic, "partitions") ]]'
    assert found["reads"] == [
        {"path": "topics.images.partitions", "value": 3, "place": "values/values-ward.yaml:22:20", "leaf": True}
    ]
    (loop,) = found["conditions"]
    assert loop["place"] == "charts/broker/templates/topics.yaml:1:1"
    assert loop["tag"] == "for name, topic in values.topics.items()"
    assert [read["path"] for read in loop["reads"]] == ["topics"]


def test_conditions_are_told_with_the_values_that_they_hang_on() -> None:
    (found,) = explain("east", "viewer", "--object", "Route/viewer", "--field", "spec.to.name")

    (condition,) = found["conditions"]
    assert condition["tag"] == 'if values.global.distribution == "openshift"'
    (read,) = condition["reads"]
    assert (read["path"], read["value"], read["place"]) == (
        "global.distribution", "openshift", "values/clusters/east.yaml:2:1",
    )  # fmt: skip


POOLS = """\
[% set big = values.size == "big" %]
[% macro label() %]
  labels: {size: [[ values.size ]]}
[% endmacro %]
[% for name, pool in values.pools.items() %]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: pool-[[ name ]]
[[ label() ]]
data:
  disk: "[[ pool.disk ]]"
[% if pool.disk and
      pool.roles %]
  fast: "yes"
[% elif big %]
  fast: "no"
[% else %]
  fast: "maybe"
[% endif %]
[% if present("hint") and big %]
  hint: [[ value("hint") ]]
[% endif %]
  roles: |
    first
[% for role in pool.roles if role != values.pools.a.skip %]
    [[ role ]]
[% endfor %]
[% endfor %]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: all
data:
[% for name, pool in values.pools.items() %]
[% if pool.disk %]
  [[ name ]]: "[[ pool.disk ]]"
[% endif %]
[% endfor %]
[% if values.pools.values() | selectattr("disk") | list %]
  any: "yes"
[% endif %]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: skips
data:
[% for name, pool in values.pools.items() %]
[% if pool.disk %]
  [[ name ]]: [[ value(pool, "skip") ]]
[% endif %]
[% endfor %]
"""
POOLS_VALUES = """\
size: big
hint: look
pools:
  a: {disk: ssd, roles: [x, z], skip: z}
  b: {disk: "", roles: [y], skip: ""}
  c: {disk: hdd, roles: [y], skip: ""}
  d: {disk: hdd, roles: [y], skip: ""}
global: {}
"""
POOLS_SCHEMA = """\
{"type": "object", "properties": {
  "hint": {"type": ["string", "null"]},
  "pools": {"additionalProperties": {"properties": {"skip": {"type": "string"}}}}
}}
"""


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_small(tmp_path_factory.mktemp("pools"))
    chart = root / "charts/broker"
    for template in (chart / "templates").iterdir():
        template.unlink()
    (chart / "templates/pools.yaml").write_text(POOLS, "utf-8")
    (chart / "values.yaml").write_text(POOLS_VALUES, "utf-8")
    (chart / "values.schema.json").write_text(POOLS_SCHEMA, "utf-8")
    edit(root, "values/values-ward.yaml", "        topics:\n          images: {partitions: 3}\n", "        size: big\n")
    return root


@pytest.mark.parametrize(
    ("name", "field", "line", "conditions"),
    [
        # The loop's variable, over two lines; of four items the object's own.
        ("pool-a", "data.fast", 16, {
            "for name, pool in values.pools.items()": ["pools"],
            "if pool.disk and\n      pool.roles": ["pools.a.disk", "pools.a.roles"],
        }),
        # An elif hangs on the if before it, and on what `set` has read.
        ("pool-b", "data.fast", 18, {
            "for name, pool in values.pools.items()": ["pools"],
            "elif big": ["pools.b.disk", "size"],
        }),
        # present("...")
        ("pool-c", "data.hint", 23, {
            "for name, pool in values.pools.items()": ["pools"],
            'if present("hint") and big': ["size", "hint"],
        }),
        # A loop inside the object: the field's leaf tells the item,
        ("skips", "data.c", 53, {
            "for name, pool in values.pools.items()": ["pools"],
            "if pool.disk": ["pools.c.disk"],
        }),
        # or nothing tells it.
        ("all", "data.a", 39, {
            "for name, pool in values.pools.items()": ["pools"],
            "if pool.disk": ["pools.a.disk", "pools.b.disk", "pools.c.disk", "pools.d.disk"],
        }),
    ],
    ids=["loop variable", "elif and set", "present", "item inside", "loop inside"],
)  # fmt: skip
def test_a_condition_tells_what_it_has_read(
    pools: Path, name: str, field: str, line: int, conditions: dict[str, list[str]]
) -> None:
    (found,) = explain("east", "broker", "--object", f"ConfigMap/{name}", "--field", field, root=pools)

    assert found["template"] == f"charts/broker/templates/pools.yaml:{line}:1"
    assert {one["tag"]: sorted(read["path"] for read in one["reads"]) for one in found["conditions"]} == {
        tag: sorted(paths) for tag, paths in conditions.items()
    }


def test_what_a_line_reads_structurally_is_told_with_its_place(pools: Path) -> None:
    (found,) = explain("east", "broker", "--object", "ConfigMap/pool-c", "--field", "data.disk", root=pools)

    assert found["reads"] == [
        {"path": "pools.c.disk", "value": "hdd", "place": "charts/broker/values.yaml:6:7", "leaf": False}
    ]


def test_a_guard_of_a_leaf_is_not_told_twice(pools: Path) -> None:
    (found,) = explain("east", "broker", "--object", "ConfigMap/pool-c", "--field", "data.hint", root=pools)

    assert [(read["path"], read["leaf"]) for read in found["reads"]] == [("hint", True)]


def test_many_values_of_one_line_are_folded(pools: Path) -> None:
    arguments = ("explain", "east", "broker", "--object", "ConfigMap/all", "--field", "data.any")
    shown = medpattern(*arguments, root=pools).out.splitlines()
    (found,) = explain(*arguments[1:], root=pools)

    assert [read["path"] for read in found["conditions"][0]["reads"]] == ["pools", *(f"pools.{n}.disk" for n in "abcd")]
    assert not any("more" in line for line in shown)

    edit(pools, "charts/broker/values.yaml", "global: {}\n", "  e: {disk: hdd, roles: [y], skip: ''}\nglobal: {}\n")
    shown = medpattern(*arguments, root=pools).out.splitlines()
    assert shown[-2].startswith("    fixed pools.d.disk")
    assert shown[-1] == "    ... and 1 more"


# Loops over lists that stand in a template, and conditions on what such a loop is at.
OF_CONSTANTS = ('for name in ["', "for namespace, name in [", "for kind, file in checks.items()", 'if job != "')


@pytest.mark.parametrize("cluster", ["hospital-1", "hospital-2", "hospital-3", "hub"])
def test_no_condition_of_the_shipped_charts_is_without_values(cluster: str) -> None:
    from medpattern.rendering.explain import explain_object

    bare = set()
    for app in Renderer(load_fleet(CHECKOUT)).cluster(cluster).apps:
        for made in app.objects() if app.chart else ():
            for path in leaf_paths(made):
                for found in explain_object(app, made["kind"], made["metadata"]["name"], path):
                    bare |= {condition.tag for condition in found.conditions if not condition.reads}

    assert [tag for tag in bare if not tag.startswith(OF_CONSTANTS)] == [], "what a template says reads nothing"


def test_a_text_made_of_several_values_names_all_of_them() -> None:
    (found,) = explain(
        "east", "viewer", "--object", "Deployment/viewer", "--field", "spec.template.spec.containers[0].image"
    )

    assert [read["path"] for read in found["reads"] if read["leaf"]] == [
        "image.registry", "image.repository", "image.tag", "image.digest",
    ]  # fmt: skip


def test_the_kind_may_be_written_in_any_case() -> None:
    assert explain("east", "viewer", "--object", "deployment/viewer")[0]["object"] == "Deployment/viewer"


def test_an_ordinary_chart_names_the_template_file() -> None:
    (found,) = explain("west", "legend", "--object", "ConfigMap/legend", "--field", "data.red")

    assert found["value"] == "pneumonia"
    assert found["template"] == "charts/legend/templates/legend.yaml"


def test_a_value_of_an_ordinary_chart_names_the_lines_that_read_it() -> None:
    found = explain("west", "legend", "colours.red")

    assert found["chain"] == [{"layer": "group", "place": "values/values-ward.yaml:37:19", "value": "pneumonia"}]
    assert explain("west", "legend", "size")["readBy"] == ["charts/legend/templates/legend.yaml:6:1"]


def test_a_deleted_default_is_explained_by_the_null() -> None:
    chain = explain("west", "legend", "colours.grey")["chain"]

    assert [(item["value"], item["layer"]) for item in chain] == [(None, "group"), ("unsure", "chart default")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("west", "viewer", "replicsa"), "did you mean 'replicas'?"),
        (("west", "viewr"), "did you mean 'viewer'?"),
        (("wst", "viewer"), "did you mean 'west'?"),
        (("west", "viewer", "--object", "Deployment/viewr"), "did you mean 'Deployment/viewer'?"),
        (("west", "viewer", "--object", "Deployment/viewer", "--field", "spec.replica"), "did you mean 'replicas'?"),
        (("west", "legend", "--object", "ConfigMap/legnd"), "did you mean 'ConfigMap/legend'?"),
        (("west", "reports", "--object", "Deployment/x"), "medpattern cannot look into it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_answered_with_the_nearest_name(arguments: tuple[str, ...], words: str) -> None:
    result = medpattern("explain", *arguments, root=SMALL)

    assert result.code == 2
    assert words in result.err


def test_a_mirrored_image_is_explained_by_the_mirror(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-global.yaml", "global:\n", "global:\n  mirrors: {quay.io: mirror.example.org/quay}\n")

    found = explain("west", "viewer", "image.registry", root=root)

    assert found["value"] == "mirror.example.org"
