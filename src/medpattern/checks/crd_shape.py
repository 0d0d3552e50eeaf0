"""What a CustomResourceDefinition must look like, so that it can be converted; a JSON Schema, draft 7.

As far as the conversion reads it, and with null for what is left out, which the API server drops.
"""

from __future__ import annotations

from typing import Any

from medpattern.checks.metadata import DNS_LABEL, DNS_NAME

JsonSchema = dict[str, Any]

_SCHEMA = {"$ref": "#/definitions/schema"}
# They become the names of files.
_KIND = {"type": "string", "pattern": "^[A-Za-z][-A-Za-z0-9]*$"}
_LABEL = {"type": "string", "pattern": DNS_LABEL}
_NAME = {"type": "string", "pattern": DNS_NAME}
_FLAG = {"type": ["boolean", "null"]}
_SCHEMAS = {"type": ["array", "null"], "items": _SCHEMA}

_VERSION = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _LABEL,
        "served": _FLAG,
        "deprecated": _FLAG,
        "schema": {"type": ["object", "null"], "properties": {"openAPIV3Schema": _SCHEMA}},
    },
}
_NAMES = {"type": "object", "required": ["kind", "plural"], "properties": {"kind": _KIND, "plural": _LABEL}}
_SPEC = {
    "type": "object",
    "required": ["group", "names", "scope", "versions"],
    "properties": {
        "group": _NAME,
        "names": _NAMES,
        "scope": {"enum": ["Cluster", "Namespaced"]},
        "preserveUnknownFields": _FLAG,
        "versions": {"type": "array", "minItems": 1, "items": _VERSION},
    },
}

CRD_SHAPE: JsonSchema = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"const": "apiextensions.k8s.io/v1"},
        "metadata": {"type": ["object", "null"]},
        "spec": _SPEC,
    },
    "definitions": {
        "schema": {
            "type": "object",
            "properties": {
                "type": {"enum": ["array", "boolean", "integer", "number", "object", "string"]},
                "properties": {"type": ["object", "null"], "additionalProperties": _SCHEMA},
                "items": _SCHEMA,
                "additionalProperties": {"anyOf": [{"type": "boolean"}, _SCHEMA]},
                "required": {"type": ["array", "null"], "items": {"type": "string"}},
                "enum": {"type": ["array", "null"]},
                "pattern": {"type": ["string", "null"]},
                "not": {"anyOf": [{"type": "null"}, _SCHEMA]},
                "allOf": _SCHEMAS,
                "anyOf": _SCHEMAS,
                "oneOf": _SCHEMAS,
                "nullable": _FLAG,
                "x-kubernetes-embedded-resource": _FLAG,
                "x-kubernetes-int-or-string": _FLAG,
                "x-kubernetes-preserve-unknown-fields": _FLAG,
                "x-kubernetes-list-map-keys": {"type": ["array", "null"], "items": {"type": "string"}},
                "x-kubernetes-validations": {"type": ["array", "null"]},
            },
        }
    },
}
