"""The difference between a live object and what would become of it, for people: no value of a Secret is in it."""

from __future__ import annotations

import difflib
from typing import Any

from medpattern.documents.writer import dump

# Of the server's own making, and different after each write.
_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
# What kubectl and controllers note for themselves; the first repeats the whole object, a Secret's values too.
_NOTES = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_SECRET_PARTS = ("data", "stringData")
HIDDEN, HIDDEN_CHANGED = "(hidden)", "(hidden, another value)"

Object = dict[str, Any]


def unified(live: Object | None, wanted: Object) -> tuple[str, ...]:
    """The lines of a unified diff from the live object; () if nothing differs. All of it is new where None is."""
    before, after = _shown(live) if live is not None else {}, _shown(wanted)
    if before == after:
        return ()
    if wanted.get("kind") == "Secret":
        before, after = _masked(before, after), _masked(after, {} if live is None else before, changed=live is not None)
    old, new = ([] if not one else dump(one).splitlines() for one in (before, after))
    return tuple(difflib.unified_diff(old, new, lineterm="", n=3))[2:]


def _shown(thing: Object) -> Object:
    """Without status, and without what no one applies."""
    metadata = {key: value for key, value in thing["metadata"].items() if key not in _SERVERS}
    notes = metadata.get("annotations")
    if isinstance(notes, dict):
        metadata["annotations"] = {key: value for key, value in notes.items() if key not in _NOTES}
        if not metadata["annotations"]:
            del metadata["annotations"]
    kept = {key: value for key, value in thing.items() if key not in ("status", "metadata", "apiVersion", "kind")}
    return {"apiVersion": thing.get("apiVersion"), "kind": thing.get("kind"), "metadata": metadata, **kept}


def _masked(thing: Object, other: Object, *, changed: bool = False) -> Object:
    """A Secret without its values; with `changed` those that are not the other's are told apart from them."""
    masked = dict(thing)
    for part in _SECRET_PARTS:
        if isinstance(thing.get(part), dict):
            there = other.get(part) or {}
            masked[part] = {
                key: HIDDEN_CHANGED if changed and key in there and there[key] != value else HIDDEN
                for key, value in thing[part].items()
            }
    return masked
