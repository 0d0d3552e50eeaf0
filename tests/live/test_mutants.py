"""Wrong objects before both judges: whatever a real API server refuses, `validate` refuses without one.

Of each kind that a chart renders the largest object is taken, and changed in ten places and at its top in eight ways.
Where the judges differ, and why, is a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from medpattern.checks.manifests import Manifest
from tests.checks.samples import mutants
from tests.live import fleet
from tests.live.conftest import StartCluster
from tests.live.judging import told_by_server, told_here
from tests.live.servers.api import THREADS, Api
from tests.live.servers.definitions import VARIANTS, definition_folder

PLACES = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """One wrong object: what was done to which kind.group, and why each judge refuses it ("" if it does not)."""

    distribution: str
    kind: str
    change: str
    by_server: str
    here: str

    def __str__(self) -> str:
        told = f"the server: {self.by_server}" if self.by_server else f"here: {self.here}"
        return f"{self.distribution} {self.kind}: {self.change}: {told}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A known one: patterns of the kind and of the change that it is about, and why it is."""

    kind: str
    change: str
    why: str

    def holds(self, judged: Judged) -> bool:
        return bool(re.fullmatch(self.kind, judged.kind) and re.fullmatch(self.change, judged.change))


# The server refuses it and `validate` does not. Of CEL rules, which no schema says, these changes break none;
# tests/live/test_objects.py has one that is broken.
ONLY_THERE: tuple[Difference, ...] = ()
# `validate` refuses it, and the server takes it.
ONLY_HERE = (
    Difference(
        ".*",
        "null at .*",
        "the server takes a null for a field that is left out; in a manifest it is a template that rendered nothing",
    ),
    Difference(
        "(Deployment|Job|CronJob).*",
        r"missing at .*\.volumes\.\d+\.\w+",
        "the server makes an empty folder of a volume without a source, which nobody means who names a volume",
    ),
    Difference(
        "PodDisruptionBudget.*",
        r"odd word at metadata\.name",
        "the server does not look at the names of this kind",
    ),
    Difference(
        "Service.serving.knative.dev",
        r"(odd word at .*\.volumeMounts\.\d+\.name|missing at .*\.volumes\.\d+(\.\w+)?)",
        "what Knative's webhook refuses (tests/live/test_knative.py) stands in no definition",
    ),
    Difference(
        "Service.serving.knative.dev",
        r"unknown field at .*\.resources\.requests",
        "the definition takes any name of a resource, and the server refuses the pod that comes of it",
    ),
)


def subjects() -> Iterator[tuple[str, Manifest]]:
    """Each kind once; on OpenShift those that Kubernetes has not, or has otherwise."""
    seen = set()
    for distribution in fleet.DISTRIBUTIONS:
        variant = definition_folder() / "variants" / VARIANTS.get(distribution, "-")
        for manifest in fleet.largest(fleet.on(distribution)):
            key = (manifest.api_version, manifest.kind)
            if key not in seen or (manifest.group and (variant / manifest.group).is_dir()):
                seen.add(key)
                yield distribution, manifest


def judged(api: Api, distribution: str, manifest: Manifest) -> Iterator[Judged]:
    """Every change of an object before both."""
    resource = api.resource(manifest.api_version, manifest.kind)
    wrong = dict(mutants(manifest.data, PLACES, manifest.kind))
    with ThreadPoolExecutor(THREADS) as threads:
        answers = threads.map(lambda one: told_by_server(api, resource, one, manifest.namespace), wrong.values())
        for (change, thing), by_server in zip(wrong.items(), answers, strict=True):
            here = "; ".join(told_here(thing, distribution, manifest.namespace))
            yield Judged(distribution, f"{manifest.kind}.{manifest.group or 'core'}", change, by_server, here)


@pytest.fixture(scope="module")
def verdicts(start_cluster: StartCluster) -> list[Judged]:
    """All changes of all kinds; some thousands."""
    return [
        one
        for distribution, manifest in subjects()
        for one in judged(start_cluster(distribution).api, distribution, manifest)
    ]


def unknown(differing: list[Judged], known: tuple[Difference, ...]) -> list[str]:
    return [str(one) for one in differing if not any(row.holds(one) for row in known)]


def only_there(verdicts: list[Judged]) -> list[Judged]:
    return [one for one in verdicts if one.by_server and not one.here]


def only_here(verdicts: list[Judged]) -> list[Judged]:
    return [one for one in verdicts if one.here and not one.by_server]


def test_what_the_server_refuses_is_refused_without_it(verdicts: list[Judged]) -> None:
    assert unknown(only_there(verdicts), ONLY_THERE) == []


def test_what_is_refused_the_server_refuses_or_it_is_known_why_not(verdicts: list[Judged]) -> None:
    assert unknown(only_here(verdicts), ONLY_HERE) == []


def test_a_known_difference_is_still_one(verdicts: list[Judged]) -> None:
    lists = ((ONLY_THERE, only_there(verdicts)), (ONLY_HERE, only_here(verdicts)))
    idle = [row for known, found in lists for row in known if not any(row.holds(one) for one in found)]
    assert idle == []


def test_each_kind_was_refused_in_many_ways(verdicts: list[Judged]) -> None:
    refused = {(one.distribution, one.kind): 0 for one in verdicts}
    for one in verdicts:
        refused[one.distribution, one.kind] += bool(one.by_server and one.here)

    assert {kind: count for kind, count in refused.items() if count < PLACES} == {}
