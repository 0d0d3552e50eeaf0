"""The law: what real Helm makes of a generated chart equals the objects that medpattern validated."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from medpattern.charts.flat import hydrate_flat
from medpattern.charts.generator import GeneratedChart, Generator
from medpattern.charts.source import ChartSource, fill_declared, read_chart
from medpattern.documents.writer import dump
from medpattern.findings import KeyPath, Severity
from medpattern.fleet.fleet import load_fleet
from medpattern.fleet.merge import lookup, merge
from medpattern.rendering.renderer import Renderer
from tests.charts.engines import (
    ENGINES,
    NAMESPACE,
    Binary,
    Objects,
    Override,
    RefusedError,
    Sdk,
    contents,
    differences,
    keyed,
    merged_overrides,
    on_disk,
    parsed,
)
from tests.charts.strategies import integers, keys, numbers, texts, valid_under
from tests.charts.test_shipped_charts import generated as from_values
from tests.charts.test_shipped_charts import with_defaults

ROOT = Path(__file__).parents[2]
LAW = read_chart(Path(__file__).parent / "fixtures" / "law-chart", "charts/law-chart")
Engine = Sdk | Binary

with_each_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
# A process of its own for each example is dear.
EXAMPLES = {"sdk": 120, "binary": 12}


@cache
def fleet_charts() -> dict[str, GeneratedChart]:
    """Every generated chart of the repository's own fleet as `cluster/application`.

    Charts of applications that are disabled everywhere are made from their defaults, as `disabled/chart`.
    """
    fleet = load_fleet(ROOT)
    charts = {
        f"{made.cluster.name}/{app.app.name}": app.chart
        for made in Renderer(fleet).clusters(fleet.facts)
        for app in made.apps
        if app.chart is not None
    }
    disabled = {
        app.path.removeprefix("charts/")
        for facts in fleet.facts
        for app in fleet.cluster(facts).applications
        if app.disabled and app.path.startswith("charts/")
    }
    used = {chart.source.name for chart in charts.values()}
    return charts | {f"disabled/{name}": from_values(name, with_defaults(name)) for name in sorted(disabled - used)}


def complete(values: dict[str, Any], source: ChartSource = LAW) -> dict[str, Any]:
    """Values as the generator wants them: with null for what is left out."""
    filled = fill_declared(values, source.schema)
    assert source.validator.violations(filled) == []
    return filled


def generated(values: dict[str, Any]) -> GeneratedChart:
    """The law's chart for `values`."""
    return Generator(LAW).generate(complete(values))


def default_chart(**changes: Any) -> GeneratedChart:
    """The law's chart for its defaults with some values changed."""
    return generated({**LAW.values.data, **changes})


def hydrated(chart: GeneratedChart) -> Objects:
    """What medpattern says the chart makes."""
    return keyed(chart.hydrate(NAMESPACE))


def hydrated_with(chart: GeneratedChart, values: dict[str, Any]) -> Objects:
    """What medpattern says the chart makes of other values."""
    return keyed(found.hydrate(values, NAMESPACE) for found in chart.structure.objects)


def flat(chart: GeneratedChart, values_yaml: str = "") -> Objects:
    """What medpattern reads back from the chart's files alone."""
    files = {name: content.decode() for name, content in contents(chart).items()}
    return keyed(hydrate_flat(files | ({"values.yaml": values_yaml} if values_yaml else {}), NAMESPACE))


def made_by(engine: Engine, chart: GeneratedChart, *overrides: Override) -> Objects:
    """What Helm makes of the chart."""
    with on_disk(contents(chart), chart.source.name) as folder:
        return parsed(engine.template(folder, overrides))


def merged_by_helm(chart: GeneratedChart, *overrides: Override) -> dict[str, Any]:
    """The chart's values with the overrides, as Helm itself coalesces them."""
    with on_disk(contents(chart), chart.source.name) as folder, helm_python.Chart.load(str(folder)) as loaded:
        return loaded.merge_values(merged_overrides(overrides))


# The repository's own fleet ---------------------------------------------------------------------------


def test_the_fleet_has_charts_for_both_distributions() -> None:
    kinds = {chart.source.name for chart in fleet_charts().values()}
    folders = {path.parent.name for path in ROOT.glob("charts/*/Chart.yaml")}
    assert kinds == folders
    distributions = {
        name.partition("/")[0]: lookup(chart.values, ("global", "distribution"))[1]
        for name, chart in fleet_charts().items()
    }
    assert {"openshift", "kubernetes"} <= set(distributions.values())


@with_each_engine
@pytest.mark.parametrize("cluster", [*sorted(path.stem for path in ROOT.glob("values/clusters/*.yaml")), "disabled"])
def test_the_charts_of_a_cluster_obey_the_law(engine: Engine, cluster: str) -> None:
    charts = {name: chart for name, chart in fleet_charts().items() if name.startswith(f"{cluster}/")}
    for name, chart in charts.items():
        with on_disk(contents(chart), name.partition("/")[2]) as folder:
            assert engine.complaints(folder) == [], name
            real = parsed(engine.template(folder))
        assert real, name
        assert differences(real, hydrated(chart)) == {}, name
        assert differences(flat(chart), hydrated(chart)) == {}, name


# Values of every sort ---------------------------------------------------------------------------------


@with_each_engine
def test_defaults_obey_the_law(engine: Engine) -> None:
    chart = default_chart()
    with on_disk(contents(chart), LAW.name) as folder:
        assert engine.complaints(folder) == []
    assert differences(made_by(engine, chart), hydrated(chart)) == {}


@with_each_engine
def test_any_valid_values_obey_the_law(engine: Engine) -> None:
    @settings(max_examples=EXAMPLES[engine.name])
    @given(valid_under(LAW.schema))
    def law(values: dict[str, Any]) -> None:
        chart = generated(values)
        assert differences(made_by(engine, chart), hydrated(chart)) == {}

    law()


@with_each_engine
@pytest.mark.parametrize("ratio", [2.0**53 + 2, -(2.0**53) - 2, 9.5e15, 1e16, 123456.75, 1e21, 1e-7])
def test_a_number_in_a_string_is_written_as_helm_writes_it(engine: Engine, ratio: float) -> None:
    """Whole numbers beyond 2^53 that are still written without an exponent were found at random."""
    chart = default_chart(ratio=ratio)
    assert differences(made_by(engine, chart), hydrated(chart)) == {}


@settings(max_examples=60)
@given(valid_under(LAW.schema))
def test_a_chart_on_disk_hydrates_to_the_same_objects(values: dict[str, Any]) -> None:
    chart = generated(values)
    assert differences(flat(chart), hydrated(chart)) == {}


@settings(max_examples=25)
@given(valid_under(LAW.schema))
def test_what_was_generated_before_does_not_show(values: dict[str, Any]) -> None:
    defaults = LAW.values.data
    alike = {**defaults, **{key: values[key] for key in LEAVES}}
    shared = Generator(LAW)
    for cluster in (defaults, values, alike):
        assert shared.generate(complete(cluster)).files == generated(cluster).files
    assert len(shared.structures) <= 2


@with_each_engine
def test_every_odd_string_in_every_place(engine: Engine) -> None:
    @settings(max_examples=EXAMPLES[engine.name])
    @given(texts(), texts(), keys())
    def law(string: str, conf: str, host: str) -> None:
        broker = {**LAW.values.data["broker"], "host": host}
        chart = default_chart(string=string, conf=conf, broker=broker, optional=string, labels={host: conf})
        assert differences(made_by(engine, chart), hydrated(chart)) == {}
        assert differences(flat(chart), hydrated(chart)) == {}

    law()


@pytest.mark.parametrize(
    "changes",
    [
        {"string": "a\x7fb"},
        {"map": {"deep": ["\u2028"]}},
        {"map": {"a\x85": 1}},
        {"big": 2**53 + 1},
        {"big": 2**60},
        {"map": {"deep": [2**53 + 1]}},
        {"ratio": math.inf},
        {"map": {"a": math.nan}},
    ],
    ids=str,
)
def test_a_value_that_helm_would_read_otherwise_is_a_finding(tmp_path: Path, changes: dict[str, Any]) -> None:
    shutil.copytree(Path(__file__).parent / "fixtures" / "law-chart", tmp_path / "charts" / "law-chart")
    application = {"namespace": "law", "argoProject": "p", "path": "charts/law-chart", "values": "VALUES"}
    group = {"name": "hub", "namespaces": {"law": {}}, "argoProjects": ["p"], "applications": {"law": application}}
    main = {"clusterGroupName": "hub", "git": {"repoURL": "https://git.example.org/a", "revision": "main"}}
    (tmp_path / "values").mkdir()
    (tmp_path / "values" / "values-global.yaml").write_text(dump({"global": {"pattern": "p"}, "main": main}))
    for values in ({}, changes):
        text = dump({"clusterGroup": group}).replace("values: VALUES", f"values: {json.dumps(values)}")
        text = text.replace("Infinity", ".inf").replace("NaN", ".nan")
        (tmp_path / "values" / "values-hub.yaml").write_text(text)
        fleet = load_fleet(tmp_path)
        renderer = Renderer(fleet)
        list(renderer.clusters(fleet.facts))
        # The law chart's objects are made up, which another check says.
        made_up = ("invalid-object", "undeclared-namespace")
        found = [item for item in renderer.findings if item.severity is Severity.ERROR and item.code not in made_up]
        assert bool(found) == bool(values), [str(finding) for finding in found]
    assert all(finding.place.file.endswith("values-hub.yaml") for finding in found)


# Overrides --------------------------------------------------------------------------------------------

LEAVES = (
    "string", "count", "big", "ratio", "fraction", "percentage", "enabled", "map", "list", "broker", "conf",
)  # fmt: skip


def leaves_of(chart: GeneratedChart) -> list[tuple[KeyPath, str]]:
    """(path, type) of every leaf of a chart that no list holds: --set replaces lists as a whole."""
    references = {
        (reference.path, reference.kind)
        for found in chart.structure.objects
        for leaf in _leaves_in(found.tree)
        for reference in leaf.references
        if reference.kind != "release" and all(isinstance(key, str) for key in reference.path)
    }
    return sorted(references)


def _leaves_in(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _leaves_in(item)
    elif hasattr(node, "references"):
        yield node


def escaped(text: str) -> str:
    """A key or a value as --set wants it."""
    for character in "\\,.=[]{}":
        text = text.replace(character, "\\" + character)
    return text


def set_flag(path: KeyPath, value: str, *, as_text: bool = False) -> Override:
    """`--set path=value`."""
    keys = ".".join(escaped(str(key)) for key in path)
    return Override(f"{keys}={value}", as_text)


VALUES_FOR = {
    "string": texts().map(escaped),
    "integer": integers(0, 2**53).map(str) | st.sampled_from(["007", "1e3", "5.0", "null", "9007199254740993"]),
    "number": numbers().map(str) | st.sampled_from(["0.7", "0", "1", "007", "1.50", "1e3", "9" * 400]),
    "boolean": st.sampled_from(["true", "false", "yes", "0"]),
    "object": st.just("{a,b}"),
    "array": st.lists(st.sampled_from(["a", "1", "null", "true", "0.5", "b c"])).map(
        lambda items: "{" + ",".join(items) + "}"
    ),
}


@st.composite
def overrides_of(draw: st.DrawFn, chart: GeneratedChart) -> list[Override]:
    """Some --set and --set-string of leaves, many of which the schema accepts."""
    found = []
    for path, kind in draw(st.lists(st.sampled_from(leaves_of(chart)), min_size=1, max_size=4, unique=True)):
        if kind == "object":
            path = (*path, draw(st.sampled_from(["limits", "new", "a.b", "x-y"])))
            kind = draw(st.sampled_from(["string", "integer", "boolean"]))
        value = draw(VALUES_FOR[kind])
        as_text = kind == "string" if draw(st.integers(0, 3)) else draw(st.booleans())
        found.append(set_flag(path, value, as_text=as_text))
    return found


def check_overrides(engine: Engine, chart: GeneratedChart, overrides: list[Override]) -> None:
    """Helm refuses them, or makes what medpattern makes of the values that Helm merged."""
    try:
        real = made_by(engine, chart, *overrides)
    except RefusedError as error:
        event("refused")
        if "schema" not in str(error) and "failed parsing" not in str(error):
            raise
        return
    event("accepted")
    merged = merged_by_helm(chart, *overrides)
    assert differences(real, hydrated_with(chart, merged)) == {}


@with_each_engine
def test_accepted_overrides_obey_the_law(engine: Engine) -> None:
    chart = default_chart(optional="x", optionalMap={"a": 1})

    @settings(max_examples=EXAMPLES[engine.name])
    @given(overrides_of(chart))
    def law(overrides: list[Override]) -> None:
        check_overrides(engine, chart, overrides)

    law()


@with_each_engine
@pytest.mark.parametrize("folder", sorted(path.parent.name for path in ROOT.glob("charts/*/Chart.yaml")))
def test_accepted_overrides_of_fleet_charts_obey_the_law(engine: Engine, folder: str) -> None:
    charts = [chart for chart in fleet_charts().values() if chart.source.name == folder]
    if folder == "network":
        # All of it is structural, since the flows come from the wiring: no override is accepted (test_pins.py).
        assert not any(leaves_of(chart) for chart in charts)
        return

    @settings(max_examples=EXAMPLES[engine.name] // 6)
    @given(st.data())
    def law(data: st.DataObject) -> None:
        chart = data.draw(st.sampled_from(charts))
        check_overrides(engine, chart, data.draw(overrides_of(chart)))

    law()


@with_each_engine
@pytest.mark.parametrize(
    ("flag", "where", "arrives"),
    [
        ("ratio=0.7", ("spec", "ratio"), 0.7),
        ("fraction=0.7", ("spec", "fraction"), 0.7),
        ("ratio=7", ("spec", "ratio"), 7),
        ("big=604800001", ("spec", "big"), 604_800_001),
        ("enabled=false", ("spec", "enabled"), False),
        ("map.limits.cpu=2", ("spec", "map", "limits", "cpu"), 2),
        ("map.limits=null", ("spec", "map"), {}),
        ("list={a,b}", ("spec", "list"), ["a", "b"]),
        ("image.tag=v2", ("spec", "image"), "quay.io/medpattern/law:v2"),
        ("key\\.with\\.dots=x", ("spec", "items", 2, "dots"), "x"),
    ],
)
def test_an_override_arrives(engine: Engine, flag: str, where: KeyPath, arrives: Any) -> None:
    chart = default_chart()
    real = made_by(engine, chart, Override(flag))
    found, value = lookup(real["example.org/v1", "Whole", "", "law"], where)
    assert found
    assert (value, type(value)) == (arrives, type(arrives))
    assert differences(real, hydrated_with(chart, merged_by_helm(chart, Override(flag)))) == {}


@with_each_engine
def test_set_string_arrives_as_text(engine: Engine) -> None:
    real = made_by(engine, default_chart(), Override("image.tag=2026", as_text=True))
    assert real["example.org/v1", "Whole", "", "law"]["spec"]["image"] == "quay.io/medpattern/law:2026"


@with_each_engine
@pytest.mark.parametrize(
    "flag",
    [
        "image.tag=2026",
        "string=null",
        "string=true",
        "count=5.0",
        "count=1001",
        "fraction=1.5",
        "percentage=101",
        "big=9007199254740994",
        "enabled=yes",
        "ratio=1e3",
        "list=x",
        "map=x",
    ],
)
def test_an_override_that_a_leaf_cannot_take_is_refused(engine: Engine, flag: str) -> None:
    with pytest.raises(RefusedError, match="schema"):
        made_by(engine, default_chart(), Override(flag))


@with_each_engine
@pytest.mark.parametrize(
    "flag",
    [
        "name=other",
        "word=off",
        "tls=false",
        "tls=null",
        "shards=3",
        "shards=null",
        "global.distribution=openshift",
        "topics.new.partitions=1",
        "topics.images=null",
        "topics.images.note=now",
        "topics.dead-letters.note=null",
        "users=null",
        "users={a,b}",
        "labels.new=x",
        "labels.y=null",
        "optional=now",
        "image.digest=sha256:0",
        "unknown=1",
    ],
)
def test_an_override_of_structure_is_refused(engine: Engine, flag: str) -> None:
    with pytest.raises(RefusedError, match="schema"):
        made_by(engine, default_chart(), Override(flag))


def test_medpattern_and_helm_merge_an_override_alike() -> None:
    chart = default_chart()
    override = {"map": {"limits": {"cpu": "2"}, "new": 1}, "broker": {"port": 1}}
    with on_disk(contents(chart), LAW.name) as folder, helm_python.Chart.load(str(folder)) as loaded:
        assert loaded.merge_values(override) == merge(chart.values, override)


# The comparison itself --------------------------------------------------------------------------------


@with_each_engine
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"apiVersion: example.org/v1\nkind: Whole", b"apiVersion: example.org/v1\nkind: Hole"),
        (b'number: "123"', b"number: 123"),
        (b"true", b"false"),
        (b".Values.big | int64", b".Values.count | int64"),
        (b'printf "%d" (int64 .Values.big)', b'printf "%v" .Values.big'),
        (b"{{ .Values.string | quote }}", b"{{ .Values.string }}x"),
    ],
)
def test_a_planted_difference_is_caught(engine: Engine, old: bytes, new: bytes) -> None:
    chart = default_chart()
    files = contents(chart)
    assert old in files["templates/whole-law.yaml"]
    files["templates/whole-law.yaml"] = files["templates/whole-law.yaml"].replace(old, new, 1)
    with on_disk(files, LAW.name) as folder:
        planted = parsed(engine.template(folder))
    assert differences(planted, hydrated(chart))


@with_each_engine
def test_a_missing_and_an_added_object_are_caught(engine: Engine) -> None:
    chart = default_chart()
    files = contents(chart)
    files["templates/extra.yaml"] = b"apiVersion: v1\nkind: Extra\nmetadata: {name: a}\n"
    del files["templates/secret-law.yaml"]
    with on_disk(files, LAW.name) as folder:
        planted = parsed(engine.template(folder))
    assert set(differences(planted, hydrated(chart))) == {("v1", "Extra", "", "a"), ("v1", "Secret", "", "law")}
