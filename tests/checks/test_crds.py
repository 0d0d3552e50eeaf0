"""CustomResourceDefinitions to strict schemas: what each construct becomes, and the collected ones held against it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from medpattern.checks.crds import CustomKind, Skipped, convert
from medpattern.checks.lists import ObjectSchema
from medpattern.checks.patterns import portable
from medpattern.documents.reader import parse_stream
from medpattern.documents.validation import Schema, schema_problem
from tests.checks.definitions import crd, film
from tests.checks.samples import mutants, sample, without_refusals
from tests.checks.script import build_script

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
CRDS = Path(os.environ.get("MEDPATTERN_CRDS", SHARED / "crds"))
CRD_SCHEMAS = Path(os.environ.get("MEDPATTERN_CRD_SCHEMAS", SHARED / "crd-schemas"))


def converted(definition: Object) -> CustomKind:
    """The only kind that a definition makes."""
    kinds, skipped = convert(definition)
    assert skipped == []
    (kind,) = kinds
    return kind


def obj(**properties: Any) -> Object:
    """The schema of an object with the given fields."""
    return {"type": "object", "properties": properties}


TEXT = {"type": "string"}
DEFAULTED = obj(kind={**TEXT, "default": "plain"}, weight={"type": "integer"})
EITHER = {**DEFAULTED, "oneOf": [{"properties": {"kind": {"enum": ["plain"]}}}, {"required": ["weight"]}]}

# the schema of a spec, specs that are right, specs that are wrong
CASES: dict[str, tuple[Object, list[Any], list[Any]]] = {
    "fields are fixed": (obj(a=TEXT), [{}, {"a": "x"}], [{"b": "x"}, {"a": 1}, {"a": None}, None, []]),
    "no field at all is fixed too": ({"type": "object"}, [{}], [{"a": 1}]),
    "fields below": (obj(a=obj(b=TEXT)), [{"a": {"b": "x"}}], [{"a": {"c": "x"}}]),
    "fields of items": ({"type": "array", "items": obj(a=TEXT)}, [[], [{"a": "x"}]], [[{"b": "x"}], [None]]),
    "a map": ({"type": "object", "additionalProperties": TEXT}, [{"x": "y"}], [{"x": 1}, {"x": None}]),
    "a map of objects": (
        {"type": "object", "additionalProperties": obj(a=TEXT)},
        [{"x": {"a": ""}}],
        [{"x": {"b": ""}}],
    ),
    "unknown fields are kept": (
        {**obj(a=obj(b=TEXT)), "x-kubernetes-preserve-unknown-fields": True},
        [{"c": [1]}, {"a": {"b": "x"}}],
        [{"a": {"c": 1}}, 1],
    ),
    "anything": ({"x-kubernetes-preserve-unknown-fields": True}, [{"c": [1]}, 1, None], []),
    "int or string": ({"x-kubernetes-int-or-string": True}, [1, "1"], [1.5, True, None, {}]),
    "int or string, with its alternatives": (
        {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True, "pattern": "^[0-9]+$"},
        [1, "1"],
        ["x", True],
    ),
    "nullable": ({**obj(a=TEXT), "nullable": True}, [None, {}], [1, {"b": 1}]),
    "nullable int or string": ({"x-kubernetes-int-or-string": True, "nullable": True}, [None, 1, "x"], [True]),
    "nullable word": ({"type": "string", "nullable": True, "enum": ["a"]}, [None, "a"], ["b"]),
    "nullable alternatives": (
        {**obj(a=TEXT, b=TEXT), "nullable": True, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [None, {"a": ""}],
        [{}, {"a": "", "b": ""}],
    ),
    "required": ({**obj(a=TEXT, b=TEXT), "required": ["a"]}, [{"a": ""}], [{"b": ""}, {}]),
    "required with a default": ({**DEFAULTED, "required": ["kind", "weight"]}, [{"weight": 1}], [{"kind": "plain"}]),
    "required with a default in a branch": (
        {**DEFAULTED, "anyOf": [{"required": ["kind"]}, {"required": ["weight"]}]},
        [{}, {"weight": 1}],
        [],
    ),
    "a default that fits one of two branches": (
        EITHER,
        [{}, {"kind": "x", "weight": 1}],
        [{"weight": 1}, {"kind": "x"}],
    ),
    "a default that does not fit": (
        {**DEFAULTED, "not": {"properties": {"kind": {"enum": ["odd"]}}}},
        [{}, {"kind": "even"}],
        [{"kind": "odd"}],
    ),
    "branches name no fields of their own": (
        {**obj(a=TEXT), "allOf": [{"properties": {"a": {"maxLength": 1}}}]},
        [{"a": "x"}],
        [{"a": "xx"}, {"b": 1}],
    ),
    "rules of values": ({"type": "integer", "minimum": 1, "maximum": 3, "multipleOf": 1}, [1, 3], [0, 4, "1"]),
    "rules of lists": ({"type": "array", "items": TEXT, "minItems": 1, "maxItems": 2}, [["a"]], [[], ["a", "b", "c"]]),
    "a null where nothing stands": (
        {**obj(a=TEXT), "anyOf": None, "required": None, "not": None, "enum": None},
        [{}],
        [1],
    ),
    "Go's flags": ({"type": "string", "pattern": "^(?i)a|b$"}, ["A", "a", "B"], ["cd"]),
    "a set": ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, [["a", "b"]], [["a", "b", "a"]]),
    "a list by keys": (
        {
            "type": "array",
            "items": obj(name=TEXT, port={"type": "integer"}, note=TEXT),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "port"],
        },
        [[{"name": "a", "port": 1}, {"name": "a", "port": 2}, {"name": "b", "port": 1}], [{"name": "a"}]],
        [[{"name": "a", "port": 1, "note": "x"}, {"name": "a", "port": 1}], [{"name": "a"}, {"name": "a"}]],
    ),
    "format is not judged": ({"type": "string", "format": "duration"}, ["5m"], [1]),
    "an embedded object": (
        {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
        [{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a"}, "spec": {}}],
        [{"kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": 1}}}, {}],
    ),
}


@pytest.mark.parametrize(("spec", "right", "wrong"), CASES.values(), ids=CASES)
def test_a_construct_keeps_its_meaning(spec: Object, right: list[Any], wrong: list[Any]) -> None:
    schema = ObjectSchema(converted(crd(spec)).schema)
    for one in right:
        assert schema.violations(film(one)) == []
    for one in wrong:
        assert schema.violations(film(one)) != [], one


@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata": {}},
        {"metadata": {"name": "A_b"}},
        {"metadata": {"name": "a", "namespace": "a.b"}},
        {"metadata": {"name": "a", "labels": {"a": True}}},
        {"metadata": {"name": "a", "annotations": {"a": 1}}},
        {"metadata": {"name": "a", "label": {}}},
        {"kind": "Films"},
        {"apiVersion": "example.org/v2"},
        {"status": {}},
    ],
    ids=str,
)
def test_what_every_object_has_is_judged(wrong: Object) -> None:
    schema = Schema(converted(crd({"type": "object"})).schema)
    assert schema.violations(film({})) == []
    assert schema.violations({**film({}), **wrong}) != []


def test_a_kind_says_what_it_is_and_what_its_schema_cannot_say() -> None:
    spec = {**obj(a={"type": "string", "pattern": r"^\pL+$(?<x)"}), "x-kubernetes-validations": [{"rule": "true"}] * 2}
    kind = converted(crd(spec, scope="Cluster"))
    assert (kind.group, kind.version, kind.kind, kind.plural, kind.scope) == (
        "example.org",
        "v1",
        "Film",
        "films",
        "Cluster",
    )
    assert kind.unchecked == ("2 CEL rules", r"pattern ^\pL+$(?<x)")
    assert Schema(kind.schema).accepts(film({"a": "x"}))


def test_a_name_may_be_ruled() -> None:
    definition = crd({"type": "object"})
    root = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["properties"]["metadata"] = obj(name={"type": "string", "maxLength": 1})
    schema = Schema(converted(definition).schema)
    assert schema.accepts(film({}))
    assert not schema.accepts(film({}, name="ab"))


def test_a_definition_from_before_pruning_leaves_fields_open() -> None:
    schema = Schema(converted(crd(obj(a=TEXT), preserveUnknownFields=True)).schema)
    assert schema.accepts(film({"b": 1}))
    assert not schema.accepts(film({"a": 1}))


def test_each_served_version_is_converted_and_no_other() -> None:
    served = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    versions = [served, {**served, "name": "v1beta1", "served": False}, {"name": "v2", "served": True}]
    kinds, skipped = convert(crd({}, versions=[*versions, {**served, "name": "v0", "deprecated": True}]))
    assert [(kind.version, kind.deprecated) for kind in kinds] == [("v1", False), ("v0", True)]
    assert skipped == [
        Skipped("films.example.org v1beta1", "it is not served", is_fault=False),
        Skipped("films.example.org v2", "it has no schema"),
    ]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"apiVersion": "apiextensions.k8s.io/v1beta1"}, 'apiVersion: must be "apiextensions.k8s.io/v1"'),
        ({"spec": {}}, "spec: the key 'group' is missing"),
        (crd({}, scope="World"), "spec.scope: \"World\" is not one of the allowed values"),
        (crd({}, names={"kind": "Film"}), "spec.names: the key 'plural' is missing"),
        (crd({"type": "text"}), "spec.versions[0].schema.openAPIV3Schema.properties.spec.type: \"text\""),
        (crd({"properties": []}), "spec.properties: expected map"),
    ],
    ids=["version", "empty", "scope", "names", "type", "properties"],
)  # fmt: skip
def test_what_is_no_definition_is_skipped_and_says_where_it_is_wrong(wrong: Object, why: str) -> None:
    kinds, (skipped,) = convert({**crd({}), **wrong})
    assert kinds == []
    assert skipped.what == "films.example.org"
    assert why in skipped.why


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("^(?i)(abort|warn)?$", ["", "ABORT", "Warn"], ["abor"]),
        ("^((?i)mon|tue)day$", ["Monday", "TUEday"], ["MonDay", "tues"]),
        (r"^[(?i)]\((?i)x$", ["?(X", "i(x"], ["x"]),
        ("^a(?i)b|c$", ["aB", "C"], ["AB"]),
        ("^(?:(?i)a)b$", ["Ab"], ["AB"]),
    ],
)
def test_a_flag_reaches_the_end_of_its_group(pattern: str, fits: list[str], fails: list[str]) -> None:
    made = portable(pattern)
    assert made is not None
    schema = Schema({"pattern": made})
    assert [word for word in (*fits, *fails) if schema.accepts(word)] == fits


def test_what_is_no_expression_here_is_none() -> None:
    assert portable(r"\pL(") is None


# --- the collected definitions. Without the folders these tests are not collected; a variable that names a wrong
# folder makes them fail.

# Where the two say the same in other words, or the collected schema is the one that errs.
KNOWN = {
    # a pattern with (?i) inside, which both rewrite
    ("monitoring.coreos.com", "AlertmanagerConfig"): ("/months/items/pattern", "/weekdays/items/pattern"),
    # nullable with oneOf: the collected schema lets three branches take null, so that oneOf refuses it
    ("operator.knative.dev", "KnativeServing"): ("/tls/anyOf", "/tls/oneOf"),
    # an empty map of fields, which says nothing
    ("kafka.strimzi.io", "Kafka"): ("/clusterSecurity/properties",),
}


def differences(collected: Any, made: Any, path: str = "") -> Iterator[str]:
    """The paths at which two schemas say other things."""
    if isinstance(collected, dict) and isinstance(made, dict):
        collected, made = ordered(collected), ordered(made)
        for word in {*collected, *made}:
            if word in collected and word in made:
                yield from differences(collected[word], made[word], f"{path}/{word}")
            else:
                yield f"{path}/{word}"
    elif isinstance(collected, list) and isinstance(made, list) and len(collected) == len(made):
        for one, other in zip(collected, made, strict=True):
            yield from differences(one, other, path)
    elif collected != made:
        yield path


def ordered(schema: Object) -> Object:
    """A schema with one form of int-or-string and with its required fields in order."""
    kept = dict(schema)
    words = [sub.get("type") for sub in kept.get("anyOf", ()) if set(sub) == {"type"}]
    if words[:2] == ["integer", "string"] and len(words) == len(kept["anyOf"]):
        del kept["anyOf"]
        kept["type"] = words
    if isinstance(kept.get("required"), list):
        kept["required"] = sorted(kept["required"])
    return kept


if "MEDPATTERN_CRDS" in os.environ or CRDS.is_dir():
    FILES = {str(path.relative_to(CRDS)): path for path in sorted(CRDS.rglob("*.yaml"))}
    ROWS = json.loads((CRD_SCHEMAS / "index.json").read_bytes())

    @cache
    def kinds_of(file: str) -> list[CustomKind]:
        (document,) = parse_stream(file, FILES[file].read_text("utf-8"))
        kinds, skipped = convert(document.data)
        assert skipped == []
        return kinds

    def collected(file: str, kind: CustomKind) -> Object | None:
        """The collected schema of the same kind of the same platform."""
        older_strimzi = file.startswith("variants/strimzi") and kind.version == "v1beta2"
        folder = "" if older_strimzi or not file.startswith("variants/") else "/".join(file.split("/")[:2]) + "/"
        name = f"{folder}{kind.group}/{kind.kind.lower()}_{kind.version}.json"
        path = CRD_SCHEMAS / name
        return json.loads(path.read_bytes()) if path.exists() else None

    def test_all_collected_definitions_are_here() -> None:
        assert len([file for file in FILES if not file.startswith("variants/")]) >= 122
        made = {(kind.group, kind.version, kind.kind) for file in FILES for kind in kinds_of(file)}
        without_crd = {"ImageStream", "Project", "ProjectRequest", "BuildConfig"}
        wanted = {(row["group"], row["version"], row["kind"]) for row in ROWS if "file" in row}
        assert {row for row in wanted - made if row[2] not in without_crd} == set()

    @pytest.mark.parametrize("file", FILES)
    def test_each_collected_definition_converts_to_what_was_collected(file: str) -> None:
        assert kinds_of(file)
        for kind in kinds_of(file):
            assert schema_problem(kind.schema) == ""
            assert [one for one in kind.unchecked if one.startswith("pattern")] == []
            other = collected(file, kind)
            known = KNOWN.get((kind.group, kind.kind), ())
            if other is not None:
                found = differences(build_script().clean(other), kind.schema)
                assert [path for path in found if not path.endswith(known or ("-",))] == []

    @pytest.mark.parametrize("file", FILES)
    def test_right_and_wrong_objects_are_judged_alike(file: str) -> None:
        for kind in kinds_of(file):
            other = collected(file, kind)
            if other is None or (kind.group, kind.kind) == ("operator.knative.dev", "KnativeServing"):
                continue
            judges = [jsonschema_rs.Draft7Validator(schema, validate_formats=False) for schema in (kind.schema, other)]
            whole = sample({**kind.schema, "required": []}, kind.schema)
            whole["metadata"] = {"name": "a", "labels": {"a": "b"}}
            good = without_refusals(whole, judges[1])
            assert good is not None, kind
            assert judges[0].is_valid(good)
            judged = {word: [judge.is_valid(bad) for judge in judges] for word, bad in mutants(good, 20, kind.kind)}
            assert {word for word, (ours, theirs) in judged.items() if ours != theirs} == set()
            assert not any(ours for word, (ours, _) in judged.items() if word == "missing at kind")
            assert [word for word, (ours, _) in judged.items() if not ours]
