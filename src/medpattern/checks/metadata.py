"""JSON Schemas of an object's metadata, which CustomResourceDefinitions leave to the API server.

Names and namespaces are DNS names (RFC 1123), label values have at most 63 of the legal characters. Null stands where
Kubernetes' own serialisers write it.
"""

from __future__ import annotations

from typing import Any

JsonSchema = dict[str, Any]

DNS_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

_TEXT = {"type": "string"}
_OWNER_REQUIRED = ("apiVersion", "kind", "name", "uid")
_PROPERTIES: JsonSchema = {
    "annotations": {"type": ["object", "null"], "additionalProperties": _TEXT},
    "creationTimestamp": {"type": ["string", "null"]},
    "deletionGracePeriodSeconds": {"type": ["integer", "null"]},
    "deletionTimestamp": {"type": ["string", "null"]},
    "finalizers": {"type": ["array", "null"], "items": _TEXT},
    "generateName": _TEXT,
    "generation": {"type": "integer"},
    "labels": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE},
    },
    "managedFields": {"type": ["array", "null"], "items": {"type": "object"}},
    "name": {"type": "string", "minLength": 1, "maxLength": 253},
    "namespace": {"type": "string", "maxLength": 63},
    "ownerReferences": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": list(_OWNER_REQUIRED),
            "properties": {
                **dict.fromkeys(_OWNER_REQUIRED, _TEXT),
                "blockOwnerDeletion": {"type": "boolean"},
                "controller": {"type": "boolean"},
            },
        },
    },
    "resourceVersion": _TEXT,
    "selfLink": _TEXT,
    "uid": _TEXT,
}

# Of an object within an object, which may be unnamed.
OBJECT_META: JsonSchema = {"type": "object", "additionalProperties": False, "properties": _PROPERTIES}

# Of an object that is applied.
NAMED_OBJECT_META: JsonSchema = {
    **OBJECT_META,
    "anyOf": [{"required": ["name"]}, {"required": ["generateName"]}],
    "properties": {
        **_PROPERTIES,
        "name": {**_PROPERTIES["name"], "pattern": DNS_NAME},
        "namespace": {**_PROPERTIES["namespace"], "pattern": DNS_LABEL},
    },
}
