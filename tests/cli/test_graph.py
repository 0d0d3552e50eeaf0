"""`medpattern graph`: what it shows of the shipped fleet, in each form."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.small import CHECKOUT, Result, edit, medpattern

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped fleet in which one name is wrong."""
    root = tmp_path_factory.mktemp("fleet")
    for name in ("charts", "values"):
        shutil.copytree(CHECKOUT / name, root / name)
    edit(root, "charts/risk-assessment/values.yaml", "  topic: xray-results", "  topic: xray-result")
    return root


def graph(fleet: Path, *arguments: str, cluster: str = "hospital-2") -> Result:
    result = medpattern("graph", "--cluster", cluster, *arguments, root=fleet)
    assert result.code == 0, result.err
    return result


def test_text_shows_the_way_of_an_image_and_what_is_missing_on_it(fleet: Path) -> None:
    lines = [line.strip() for line in graph(fleet).out.splitlines()]
    way = [
        "ObjectBucketClaim xray-source in xraylab",
        "notifies by: CephBucketNotification xray-created in xraylab",
        "tells: CephBucketTopic xray-images in xraylab",
    ]

    assert [line for line in lines if line in way][:3] == way
    assert "reads: KafkaSource xray-images in xraylab" in lines
    assert "writes: topic xray-result (missing)" in lines
    assert any("error[dangling-reference] hospital-2 risk-assessment:" in line for line in lines)


def test_text_says_who_makes_what_another_application_needs(fleet: Path) -> None:
    out = graph(fleet, "--app", "risk-assessment").out

    assert "copies Secret xray-source in kafka [kafka]" in out
    assert "\nnotifier (wave" not in out


def test_json_is_the_same_each_time_and_its_edges_join_its_nodes(fleet: Path) -> None:
    first = graph(fleet, "--output", "json").out
    (cluster,) = json.loads(first)["clusters"]
    ids = {node["id"] for node in cluster["nodes"]}
    edges = {(edge["from"], edge["to"], edge["role"]) for edge in cluster["edges"]}

    assert graph(fleet, "--output", "json").out == first
    assert len(ids) == len(cluster["nodes"])
    assert {end for edge in edges for end in edge[:2]} <= ids
    source = "sources.knative.dev/KafkaSource/xraylab/xray-images"
    assert (source, "topic/xray-images", "reads") in edges
    assert (source, "Service/kafka/kafka-kafka-bootstrap", "connects to") in edges
    (missing,) = [node for node in cluster["nodes"] if node["state"] == "missing"]
    assert missing["id"] == "topic/xray-result"


def test_every_edge_says_where_it_comes_from(fleet: Path) -> None:
    (cluster,) = json.loads(graph(fleet, "--output", "json").out)["clusters"]
    places = {edge["place"].split(":")[0] for edge in cluster["edges"] if edge["role"] != "makes"}

    assert all((fleet / place).is_file() or place.startswith("rendered/") for place in places)


def test_mermaid_is_a_flowchart_of_declared_nodes(fleet: Path) -> None:
    """By the grammar of its documentation, as far as it is used."""
    lines = graph(fleet, "--output", "mermaid").out.splitlines()
    word = r'"[^"<>]*(<br/>[^"<>]*)?"'
    known = re.compile(
        rf"flowchart LR|  classDef \w+ \S+|\s+subgraph \w+\[{word}\]|\s+end"
        rf"|\s+(?P<node>\w+)\[{word}\](:::\w+)?|  (?P<from>\w+) -->\|{word}\| (?P<to>\w+)"
    )
    matches = [known.fullmatch(line) for line in lines]

    assert [line for line, match in zip(lines, matches, strict=True) if match is None] == []
    found = [match.groupdict() for match in matches if match]
    nodes = {match["node"] for match in found if match["node"]}
    assert {end for match in found for end in (match["from"], match["to"]) if end} <= nodes
    opened = sum(line.strip().startswith("subgraph") for line in lines)
    assert opened == sum(line.strip() == "end" for line in lines)


def test_svg_shows_each_node_in_the_box_of_its_application_and_no_box_on_another(fleet: Path) -> None:
    (cluster,) = json.loads(graph(fleet, "--output", "json").out)["clusters"]
    picture = ElementTree.fromstring(graph(fleet, "--output", "svg").out)  # noqa: S314 - our own
    boxes = [_corners(item) for item in picture.iter(f"{SVG}rect") if item.get("class") == "box"]
    texts = [item for item in picture.iter(f"{SVG}text") if "node" in (item.get("class") or "").split()]

    assert len(texts) == len(cluster["nodes"])
    assert all(sum(_is_in(float(t.get("x", 0)), float(t.get("y", 0)), box) for box in boxes) == 1 for t in texts)
    assert not [1 for a in boxes for b in boxes if a is not b and _meet(a, b)]
    (missing,) = [item for item in texts if "missing" in (item.get("class") or "")]
    assert "xray-result" in "".join(missing.itertext())
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    assert all(box[2] <= width and box[3] <= height for box in boxes)


def _corners(item: Any) -> tuple[float, float, float, float]:
    x, y, width, height = (float(item.get(key)) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def _is_in(x: float, y: float, box: tuple[float, float, float, float]) -> bool:
    return box[0] < x < box[2] and box[1] < y < box[3]


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--output", "svg"], "--output svg draws one cluster"),
        (["--cluster", "hospital-9"], "no cluster 'hospital-9'; did you mean 'hospital-"),
        (["--app", "risk-asessment"], "did you mean 'risk-assessment'?"),
    ],
)
def test_wrong_use_says_what_is_right(arguments: list[str], says: str, fleet: Path) -> None:
    result = medpattern("graph", *arguments, root=fleet)

    assert result.code == 2
    assert says in result.err
