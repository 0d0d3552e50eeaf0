"""RECEIPT.json names every input and every output, and is believed only after hashing both again."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from medpattern import __version__
from medpattern.rendering.selection import Selection
from medpattern.rendering.settled import settled_clusters
from tests.fleet.small import edit, tree


def receipt(root: Path, cluster: str) -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = json.loads((root / f"rendered/{cluster}/RECEIPT.json").read_text("utf-8"))
    return content


@pytest.mark.parametrize("cluster", ["east", "hub", "west"])
def test_it_names_every_output_by_its_digest(cluster: str, rendered: Path) -> None:
    files = tree(rendered / "rendered" / cluster)
    del files["RECEIPT.json"]

    assert receipt(rendered, cluster)["outputs"] == {
        name: sha256(content).hexdigest() for name, content in sorted(files.items())
    }
    assert receipt(rendered, cluster)["medpattern"] == __version__


def test_it_names_the_files_a_cluster_was_made_of_and_those_looked_for_in_vain(rendered: Path) -> None:
    inputs = receipt(rendered, "west")["inputs"]

    for file in ("values-global.yaml", "values-ward.yaml", "values-west.yaml", "shared.yaml", "clusters/west.yaml"):
        name = f"values/{file}"
        assert inputs[name] == sha256((rendered / name).read_bytes()).hexdigest()
    assert inputs["values/values-None.yaml"] == ""
    assert {"charts/broker/", "charts/viewer/", "charts/legend/"} <= inputs.keys()
    assert "values/values-central.yaml" not in inputs


def test_it_lies_outside_every_applications_source(rendered: Path) -> None:
    assert all("RECEIPT" not in path.name for path in (rendered / "rendered").glob("*/*/**/*"))


def settled(root: Path) -> set[str]:
    """The clusters that a render leaves alone, since inputs and outputs hash as their receipts say."""
    return set(settled_clusters(Selection(root), root / "rendered").files)


def test_a_rendered_tree_is_settled(rendered: Path) -> None:
    assert settled(rendered) == {"east", "hub", "west"}


# A hub holds the roots of its spokes, so their facts concern it too.
CHANGES = {
    "a hub's own file": ("values/values-central.yaml", "value: 4", "value: 5", {"hub"}),
    "the group's file": ("values/values-ward.yaml", "logLevel: INFO", "logLevel: WARN", {"east", "west"}),
    "the facts": ("values/clusters/west.yaml", "west.example.org", "w.example.org", {"hub", "west"}),
    "a pulling cluster's file": ("values/values-west.yaml", "replicas: 1", "replicas: 6", {"west"}),
    "a chart": ("charts/broker/values.yaml", "reconcile: 60", "reconcile: 61", {"east", "west"}),
    "a chart's template": ("charts/viewer/templates/viewer.yaml", "LOG_LEVEL", "LEVEL", {"east", "hub", "west"}),
    "a shared file": ("values/shared.yaml", "WARN", "INFO", {"east", "west"}),
    "the facts of a spoke": ("values/clusters/east.yaml", "city: east", "city: East", {"east", "hub"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_clusters_that_a_change_concerns_are_rendered_again(change: str, rendered: Path) -> None:
    file, old, new, clusters = CHANGES[change]
    edit(rendered, file, old, new)

    assert {"east", "hub", "west"} - settled(rendered) == clusters


def test_a_new_file_that_was_looked_for_in_vain_counts_as_a_change(rendered: Path) -> None:
    (rendered / "values/values-None.yaml").write_text("replicas: 1\n", "utf-8")

    assert settled(rendered) == {"east", "hub"}


def test_a_touched_output_is_rendered_again(rendered: Path) -> None:
    path = rendered / "rendered/west/root.yaml"
    path.write_bytes(path.read_bytes() + b"\n")

    assert settled(rendered) == {"east", "hub"}
