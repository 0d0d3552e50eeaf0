"""Knative's own code, as its admission webhook calls it, on what the charts make and on what our rules are about."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.checks.policy.test_policy_rules import breaches, fixture, with_object
from tests.checks.samples import mutants
from tests.live import fleet
from tests.live.judging import Object, told_here
from tests.live.servers.knative import verdicts

KNATIVE = "serving.knative.dev"
CODE = "knative-refused"
IMAGE = "registry.example/program:1"
PLACES = 60
UNUSED = "unused"  # the volume of the case that is about a missing mount


def rendered() -> dict[str, Object]:
    """The Knative Services of the fleet, by the cluster and name."""
    return {
        f"{known.cluster} {manifest.name}": manifest.data
        for known in fleet.inventories().values()
        for manifest in known.of_kind(KNATIVE, "Service", "Configuration")
    }


def whole(case: Object) -> Object:
    """The object of a case with what each Knative Service needs, so that nothing but the case is wrong with it."""
    made = copy.deepcopy(with_object(case))
    pod = made.get("spec", {}).get("template", {}).get("spec")
    if pod is None:
        return made
    pod["containers"] = pod["containers"] or [{}]
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        container.setdefault("image", IMAGE)
    first = pod["containers"][0]
    mounted = {mount["name"] for mount in first.get("volumeMounts", ())} | {UNUSED}
    named = [volume["name"] for volume in pod.get("volumes", ())]
    first.setdefault("volumeMounts", []).extend(
        {"name": name, "mountPath": f"/{name}", "readOnly": True} for name in named if name not in mounted
    )
    pod.setdefault("volumes", []).extend({"name": name, "emptyDir": {}} for name in mounted - {UNUSED, *named})
    return made


def kind_of(thing: Object) -> tuple[Any, Any]:
    return thing.get("apiVersion"), thing.get("kind")


def cases(verdict: str) -> list[Any]:
    found = fixture(CODE)[verdict]
    return [pytest.param(case, id=str(case.get("at", number))) for number, case in enumerate(found)
            if with_object(case)["apiVersion"].startswith(KNATIVE)]  # fmt: skip


def test_every_rendered_service_is_taken() -> None:
    found = rendered()
    answers = dict(zip(found, verdicts(list(found.values())), strict=True))

    assert len(found) >= len(fleet.inventories()) - 1  # the hub has none
    assert {name: told for name, told in answers.items() if told} == {}


@pytest.mark.parametrize("case", cases("fails"))
def test_what_a_rule_is_about_is_refused(case: Object) -> None:
    field = str(case["at"]).replace('"', "")
    (told,) = verdicts([whole(case)])

    assert told, field
    assert breaches(CODE, whole(case))


@pytest.mark.parametrize("case", cases("passes"))
def test_what_a_rule_lets_pass_is_taken(case: Object) -> None:
    assert verdicts([whole(case)]) == [""]


def test_whatever_is_refused_is_reported() -> None:
    """Each rendered Service, changed in many places: of what Knative refuses, `validate` reports everything."""
    silent = {}
    for name, service in rendered().items():
        wrong = {word: one for word, one in mutants(service, PLACES, name) if kind_of(one) == kind_of(service)}
        for word, told in zip(wrong, verdicts(list(wrong.values())), strict=True):
            if told and not told_here(wrong[word], "kubernetes") and not breaches(CODE, wrong[word]):
                silent[f"{name}: {word}"] = told

    assert silent == {}
