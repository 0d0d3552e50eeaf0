"""The same object before both judges: a real API server, and what `validate` says without one."""

from __future__ import annotations

from typing import Any

from medpattern.checks.api import refusals
from medpattern.checks.manifests import Manifest, everywhere
from medpattern.findings import Place
from tests.live.fleet import SCHEMAS
from tests.live.servers.api import Api, Resource

# Of tests/live/tools/control-plane/go.mod.
SERVER_VERSION = "1.36"

Object = dict[str, Any]


def told_here(thing: Object, distribution: str, namespace: str = "xraylab") -> list[str]:
    """What `validate` reports as an invalid object."""
    manifest = Manifest(thing, namespace, "app", 0, everywhere(Place("a.yaml")))
    found = [str(one) for one in SCHEMAS.violations(thing, SERVER_VERSION, distribution)]
    return found + [f"{one.path}: {one.message}" for one in refusals(manifest)]


def told_by_server(api: Api, resource: Resource, thing: Object, namespace: str = "xraylab") -> str:
    """Why the API server refuses to create it, or to apply it as Argo CD does; "" if it does neither.

    Of two items with one key in a list only an apply complains.
    """
    made = api.create(resource, namespace, thing)
    refused = "" if made.status == 409 else made.refusal  # the namespaces of the fleet are there already
    return refused or (api.apply(resource, namespace, thing).refusal if _has_name(thing) else "")


def _has_name(thing: Object) -> bool:
    metadata = thing.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("name"))
