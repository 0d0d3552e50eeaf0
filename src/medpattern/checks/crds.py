"""CustomResourceDefinitions (apiextensions.k8s.io/v1) to strict JSON Schemas, draft 7, one for each served version.

What a schema says is what the API server does with an object, with two differences that are meant. A field that the
server would drop in silence is refused. A null is refused wherever the CRD does not say `nullable`, although the server
drops it where the field may be left out: it is nearly always a template that rendered an empty block.

CEL rules (`x-kubernetes-validations`) and formats are not in the schemas; nor is what a webhook adds or refuses. What
draft 7 cannot say of lists of maps stays as `x-kubernetes-list-map-keys`, which `lists.ObjectSchema` reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from medpattern.checks.crd_shape import CRD_SHAPE
from medpattern.checks.lists import MAP_KEYS
from medpattern.checks.metadata import NAMED_OBJECT_META, OBJECT_META
from medpattern.checks.patterns import portable
from medpattern.documents.validation import Schema
from medpattern.findings import dotted

JsonSchema = dict[str, Any]
Scope = Literal["Cluster", "Namespaced"]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"

# What reads the same in a CRD and in draft 7; `required`, `pattern` and what holds schemas are looked at one by one.
_KEPT = re.compile("enum|(exclusiveM|m)(ax|in)imum|(max|min)(Items|Length|Properties)|multipleOf|uniqueItems")
_LOGIC = ("allOf", "anyOf", "oneOf")
_INT_OR_STRING = "x-kubernetes-int-or-string"
_KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INTEGER_AND_STRING = {str({"type": "integer"}), str({"type": "string"})}
_OBJECT_META = "#/definitions/ObjectMeta"

# Kinds whose root's `required` OpenShift's admission fills in.
_FILLED_IN = {("security.openshift.io", "SecurityContextConstraints")}


@dataclass(frozen=True, slots=True)
class CustomKind:
    """One served version of a custom kind and its schema.

    Attributes:
        api_version: group and version, such as "kafka.strimzi.io/v1".
        kind: such as "Kafka".
        plural: the resource's name in URLs, such as "kafkas".
        scope: whether its objects live in a namespace.
        deprecated: whether the CRD says so of this version.
        schema: JSON Schema, draft 7, that needs no other file.
        unchecked: what the CRD says and the schema cannot: how many CEL rules, and patterns that are none here.
    """

    api_version: str
    kind: str
    plural: str
    scope: Scope
    deprecated: bool
    schema: JsonSchema = field(repr=False)
    unchecked: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The API group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Such as "v1beta1"."""
        return self.api_version.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not converted: what, why, and whether something is wrong with it."""

    what: str
    why: str
    is_fault: bool = True


@dataclass(slots=True)
class _Notes:
    """What a conversion meets and cannot say in draft 7."""

    rules: int = 0
    patterns: list[str] = field(default_factory=list)

    def unchecked(self) -> tuple[str, ...]:
        rules = (f"{self.rules} CEL rule{'' if self.rules == 1 else 's'}",) if self.rules else ()
        return (*rules, *(f"pattern {pattern}" for pattern in self.patterns))


def convert(crd: Mapping[str, Any]) -> tuple[list[CustomKind], list[Skipped]]:
    """Convert each served version of a CRD to a strict schema.

    What is no CustomResourceDefinition that an API server would take is skipped, with the reason.
    """
    metadata = crd.get("metadata")
    name = str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
    problems = Schema(CRD_SHAPE).violations(crd)
    if problems:
        first = problems[0]
        where = f"{dotted(first.path)}: " if first.path else ""
        return [], [Skipped(name or "a CustomResourceDefinition without a name", f"{where}{first.message}")]
    return _convert(crd["spec"], name)


def _convert(spec: Mapping[str, Any], name: str) -> tuple[list[CustomKind], list[Skipped]]:
    converted: list[CustomKind] = []
    skipped: list[Skipped] = []
    for version in spec["versions"]:
        what = f"{name} {version['name']}"
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not version.get("served"):
            skipped.append(Skipped(what, "it is not served", is_fault=False))
        elif not isinstance(schema, dict):
            skipped.append(Skipped(what, "it has no schema"))
        else:
            converted.append(_custom_kind(spec, version, schema))
    return converted, skipped


def _custom_kind(spec: Mapping[str, Any], version: Mapping[str, Any], schema: JsonSchema) -> CustomKind:
    group, kind = spec["group"], spec["names"]["kind"]
    api_version = f"{group}/{version['name']}"
    notes = _Notes()
    if (group, kind) in _FILLED_IN:
        schema = {**schema, "required": []}
    root = _Converter(notes, prunes=spec.get("preserveUnknownFields") is not True).root(schema, api_version, kind)
    return CustomKind(
        api_version,
        kind,
        spec["names"]["plural"],
        spec["scope"],
        version.get("deprecated") is True,
        root,
        notes.unchecked(),
    )


@dataclass(frozen=True, slots=True)
class _Converter:
    """Converts one schema. `prunes` is false for a CRD from before structural schemas, which keeps every field."""

    notes: _Notes
    prunes: bool

    def root(self, schema: JsonSchema, api_version: str, kind: str) -> JsonSchema:
        """The schema of whole objects, with their fixed apiVersion and kind and a metadata that names them."""
        made = self.structural(schema)
        metadata = self._metadata((schema.get("properties") or {}).get("metadata") or {})
        properties = {
            **made.get("properties", {}),
            "apiVersion": {"const": api_version, "type": "string"},
            "kind": {"const": kind, "type": "string"},
            "metadata": metadata,
        }
        required = sorted({*made.get("required", ()), "apiVersion", "kind", "metadata"})
        definitions = {"NamedObjectMeta": NAMED_OBJECT_META}
        if _OBJECT_META in _references(properties):
            definitions["ObjectMeta"] = OBJECT_META
        return {"$schema": DRAFT_7, **made, "properties": properties, "required": required, "definitions": definitions}

    def _metadata(self, rules: JsonSchema) -> JsonSchema:
        """Metadata as every object has it, with what a CRD may demand of it: rules about its name."""
        reference = {"$ref": "#/definitions/NamedObjectMeta"}
        extra = self._rule({"properties": rules["properties"]}, {}) if rules.get("properties") else {}
        return {"allOf": [reference, extra]} if extra else reference

    def structural(self, schema: JsonSchema) -> JsonSchema:
        """A schema that fixes the fields of what it describes."""
        self.notes.rules += len(schema.get("x-kubernetes-validations") or ())
        made = self._value_rules(schema, schema)
        if schema.get("properties"):
            made["properties"] = {name: self.structural(sub) for name, sub in schema["properties"].items()}
        if isinstance(schema.get("items"), dict):
            made["items"] = self.structural(schema["items"])
        if schema.get("x-kubernetes-list-type") == "set":
            made["uniqueItems"] = True
        elif schema.get(MAP_KEYS):
            made[MAP_KEYS] = schema[MAP_KEYS]
        others = schema.get("additionalProperties")
        if others is not None:
            made["additionalProperties"] = self.structural(others) if isinstance(others, dict) else others
        elif schema.get("type") == "object" and self.prunes and not schema.get(_KEEPS_UNKNOWN):
            made["additionalProperties"] = False
        if schema.get(_EMBEDDED):
            _embed(made)
        return _typed(schema, made)

    def _value_rules(self, schema: JsonSchema, of: JsonSchema) -> JsonSchema:
        """What `schema` demands of a value, apart from its type and its fields; `of` fixes the value's fields."""
        made = {word: value for word, value in schema.items() if _KEPT.fullmatch(word) and value is not None}
        required = [name for name in schema.get("required") or () if name not in _defaults(of)]
        if required:
            made["required"] = required
        if schema.get("pattern") is not None:
            self._keep_pattern(schema["pattern"], made)
        for word in _LOGIC:
            if schema.get(word):
                made[word] = [self._rule(sub, of) for sub in schema[word]]
        if isinstance(schema.get("not"), dict):
            made["not"] = self._rule(schema["not"], of)
        return made

    def _rule(self, rule: JsonSchema, of: JsonSchema) -> JsonSchema:
        """A branch of anyOf, oneOf, allOf or not, which adds no field to those of the schema `of`.

        A field with a default counts as given, with its default. So a branch that refuses the default refuses
        an object without the field.
        """
        made = self._value_rules(rule, of)
        if "type" in rule:
            made["type"] = rule["type"]
        fields, defaults = of.get("properties") or {}, _defaults(of)
        if rule.get("properties"):
            below = {name: self._rule(sub, fields.get(name, {})) for name, sub in rule["properties"].items()}
            made["properties"] = below
            refused = [name for name in below if name in defaults and not _accepts(below[name], defaults[name])]
            if refused:
                made["required"] = [*made.get("required", ()), *refused]
        for word in ("items", "additionalProperties"):
            if isinstance(rule.get(word), dict):
                made[word] = self._rule(rule[word], of[word] if isinstance(of.get(word), dict) else {})
        return made

    def _keep_pattern(self, pattern: str, made: JsonSchema) -> None:
        found = portable(pattern)
        if found is None:
            self.notes.patterns.append(pattern)
        else:
            made["pattern"] = found


def _accepts(schema: JsonSchema, value: Any) -> bool:
    import jsonschema_rs

    return bool(jsonschema_rs.Draft7Validator(schema).is_valid(value))


def _defaults(schema: JsonSchema) -> dict[str, Any]:
    """The fields that the API server fills in before it validates, with what it fills in."""
    properties = schema.get("properties") or {}
    return {name: sub["default"] for name, sub in properties.items() if sub.get("default") is not None}


def _typed(schema: JsonSchema, made: JsonSchema) -> JsonSchema:
    """Give a converted schema its type. Where null is allowed, nothing else is demanded of it."""
    kinds = ["integer", "string"] if schema.get(_INT_OR_STRING) else [schema["type"]] if "type" in schema else []
    if schema.get(_INT_OR_STRING) and {str(sub) for sub in made.get("anyOf", ())} == _INTEGER_AND_STRING:
        del made["anyOf"]
    if kinds and schema.get("nullable") is True:
        kinds.append("null")
        rules = {word: made.pop(word) for word in (*_LOGIC, "not") if word in made}
        if rules:
            made["anyOf"] = [{"type": "null"}, rules]
        if "enum" in made and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
    if kinds:
        made["type"] = kinds[0] if len(kinds) == 1 else kinds
    return made


def _embed(made: JsonSchema) -> None:
    """An object within an object: it has apiVersion, kind and metadata whatever else is said of it."""
    text = {"type": "string"}
    made["properties"] = {"apiVersion": text, "kind": text, **made.get("properties", {})}
    made["properties"]["metadata"] = {"$ref": _OBJECT_META}
    made["required"] = sorted({*made.get("required", ()), "apiVersion", "kind"})


def _references(schema: Any) -> Iterator[str]:
    """Every `$ref` in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for sub in schema.values():
            yield from _references(sub)
    elif isinstance(schema, list):
        for sub in schema:
            yield from _references(sub)
