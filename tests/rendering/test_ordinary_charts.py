"""An ordinary Helm chart of the repository is copied as it is, with the cluster's values beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import helm_python
import pytest
import yaml

from medpattern.charts import helm
from tests.fleet.small import SMALL, copy_small, edit, medpattern, tree


def test_it_is_copied_byte_for_byte(rendered: Path) -> None:
    copied = tree(rendered / "rendered/west/charts/legend")

    del copied["values-medpattern.yaml"]
    assert copied == tree(SMALL / "charts/legend")


def test_the_values_beside_it_hold_the_clusters_and_keep_the_null(rendered: Path) -> None:
    values = yaml.safe_load((rendered / "rendered/west/charts/legend/values-medpattern.yaml").read_text("utf-8"))

    assert values == {"colours": {"red": "pneumonia", "grey": None}}
    application = yaml.safe_load((rendered / "rendered/west/argocd/application-legend.yaml").read_text("utf-8"))
    assert application["spec"]["source"]["helm"]["valueFiles"] == ["values-medpattern.yaml"]


def test_helm_itself_deletes_the_default_that_the_null_meets(rendered: Path) -> None:
    folder = rendered / "rendered/west/charts/legend"
    values = helm_python.values_from_yaml((folder / "values-medpattern.yaml").read_text("utf-8"))

    with helm_python.Chart.load(str(folder)) as chart:
        made = chart.render(values, name="legend", namespace="images")

    (text,) = (content for name, content in made.items() if name.endswith("legend.yaml"))
    assert yaml.safe_load(text)["data"] == {"size": "3", "red": "pneumonia", "green": "normal"}


def test_a_null_that_meets_nothing_is_left_out(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-ward.yaml", "grey: null}", "grey: null, violet: null}")
    medpattern("render", root=root)

    values = yaml.safe_load((root / "rendered/west/charts/legend/values-medpattern.yaml").read_text("utf-8"))

    assert "violet" not in values["colours"]


def test_top_level_values_reach_it_where_it_reads_them(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/shared.yaml", "logLevel: WARN\n", "logLevel: WARN\nsize: 9\n")
    medpattern("render", root=root)

    values = yaml.safe_load((root / "rendered/west/charts/legend/values-medpattern.yaml").read_text("utf-8"))

    assert values["size"] == 9
    assert "logLevel" not in values


def test_facts_reach_it_where_it_reads_global(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "charts/legend/templates/legend.yaml", "  size:",
         "  at: {{ .Values.global.clusterDomain }}\n  size:")  # fmt: skip
    result = medpattern("render", "--stdout", "--cluster", "west", "--app", "legend", root=root)

    assert yaml.safe_load(result.out)["data"]["at"] == "west.example.org"


@pytest.fixture
def _without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "helm_python", None)
    monkeypatch.setattr(helm.shutil, "which", lambda _: None)


def test_a_list_is_taken_apart_and_each_of_its_objects_judged(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "charts/legend/templates/list.yaml").write_text(
        "apiVersion: v1\nkind: List\nitems:\n"
        "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: b}}\n"
        "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: two}, dta: {a: b}}\n",
        "utf-8",
    )
    told = [line for line in medpattern("validate", "--no-cache", root=root).out.splitlines() if "list.yaml" in line]

    assert any("error[invalid-object]" in line and "ConfigMap/two dta: unknown key" in line for line in told)
    assert not [line for line in told if "ConfigMap/one" in line or "no-schema" in line]


@pytest.mark.usefixtures("_without_helm")
def test_without_helm_it_is_rendered_all_the_same_and_named_as_not_hydrated(tmp_path: Path) -> None:
    root = copy_small(tmp_path)

    assert medpattern("render", root=root).code == 0
    assert (root / "rendered/west/charts/legend/values-medpattern.yaml").is_file()
    assert medpattern("render", "--check", root=root).code == 0
    for command in (("render", "--stdout"), ("list", "images")):
        result = medpattern(*command, root=root)
        assert result.code == 0
        assert "west/legend: not hydrated: needs Helm" in result.err


@pytest.mark.usefixtures("_without_helm")
def test_without_helm_its_objects_cannot_be_explained(tmp_path: Path) -> None:
    result = medpattern("explain", "west", "legend", "--object", "ConfigMap/legend", root=copy_small(tmp_path))

    assert result.code == 2
    assert "needs Helm" in result.err


def test_a_chart_that_helm_refuses_is_reported_with_helms_words(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(
        root,
        "charts/legend/templates/legend.yaml",
        "{{ .Values.size | quote }}",
        '{{ required "no size" .Values.gone }}',
    )

    result = medpattern("render", "--stdout", "--cluster", "west", root=root)

    assert result.code == 2
    assert "no size" in result.err


def test_a_link_that_leaves_the_chart_is_refused(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (tmp_path / "secret").write_text("x\n", "utf-8")
    (root / "charts/legend/leak.txt").symlink_to(tmp_path / "secret")

    result = medpattern("render", root=root)

    assert result.code == 2
    assert "charts/legend/leak.txt: error[chart-source] a link that leaves the chart" in result.err
