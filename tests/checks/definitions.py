"""A definition to test with: the kind Film of example.org/v1."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def crd(spec: Object, **more: Any) -> Object:
    """A definition of the kind Film of example.org/v1 whose objects have the given spec."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "films.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Film", "plural": "films"},
            "versions": [version],
            **more,
        },
    }


def film(spec: Any, **metadata: Any) -> Object:
    """A Film with the given spec."""
    return {"apiVersion": "example.org/v1", "kind": "Film", "metadata": {"name": "a", **metadata}, "spec": spec}
