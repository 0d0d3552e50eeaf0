"""What the API server refuses although the object's schema allows it: names, selectors, ports, volumes, quantities.

Each check is a function on one object that yields what is wrong; none of them knows other objects. A value of the wrong
type is left to the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medpattern.checks.api.containers import container_refusals
from medpattern.checks.api.names import name_refusals
from medpattern.checks.api.required import missing_refusals
from medpattern.checks.api.services import service_refusals
from medpattern.checks.api.volumes import volume_refusals
from medpattern.checks.api.words import word_refusals
from medpattern.checks.api.workloads import workload_refusals
from medpattern.checks.manifests import Manifest
from medpattern.checks.rules import Breach

CHECKS: tuple[Callable[[Manifest], Iterator[Breach]], ...] = (
    name_refusals,
    service_refusals,
    workload_refusals,
    container_refusals,
    volume_refusals,
    word_refusals,
    missing_refusals,
)


def refusals(manifest: Manifest) -> Iterator[Breach]:
    """Everything that the API server would refuse of one object, apart from its schema."""
    for check in CHECKS:
        yield from check(manifest)
