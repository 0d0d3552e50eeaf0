"""Sync waves that put a user before what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.breaches import Wrong
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.things import Reference, kind_of


def out_of_order(graph: Graph) -> Iterator[Wrong]:
    """References to what comes in a later wave: Argo CD would wait for the user before it makes what that needs."""
    for reference in graph.references():
        if not reference.ordered or reference.optional:
            continue
        found = graph.find(reference.thing)
        if found is not None and found.maker is not None:
            yield from _compare(reference, found.maker)


def _compare(reference: Reference, maker: Manifest) -> Iterator[Wrong]:
    user = reference.user
    if maker.app == user.app:
        if user.own_wave < maker.own_wave:
            itself = (kind_of(maker), maker.name) == (reference.thing.kind, reference.thing.name)
            made = f"comes in wave {maker.own_wave}"
            if not itself:
                made = f"{maker.kind}/{maker.name} makes in wave {maker.own_wave}"
            message = f"comes in wave {user.own_wave} and {reference.role} {reference.thing}, which {made}"
            cure = "give both the same wave, or the later one to the user"
            yield Wrong("wave-order", user, ("metadata", "annotations"), message, cure)
    elif user.app and maker.app and user.wave < maker.wave:
        message = (
            f"{reference.role} {reference.thing}, which '{maker.app}' makes in wave {maker.wave}, after "
            f"'{user.app}' in wave {user.wave}"
        )
        yield Wrong("wave-order", user, reference.path, message, f"add '{maker.app}' to dependsOn of '{user.app}'")
