"""The shipped hospital-2 from an empty API server by `medpattern bootstrap`, with a chart that fails on the way.

What is real and what stands in for something is in `demo.py`. The failure is one that no look at the tree shows: a rule
of the cluster's administrators refuses topics of Kafka, half-way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from tests.fleet.small import Result, edit, process
from tests.live.demo import NAME, OWN, ROOT, Demo
from tests.live.servers.api import Object
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.operators import refuse_unplayed
from tests.real.servers.processes import Process
from tests.real.servers.programs import FailedError

POLICIES = "/apis/admissionregistration.k8s.io/v1"
REFUSED = "a topic of this hospital has 4 partitions at most"


@dataclass(frozen=True)
class Held:
    """A bootstrap that goes on, of a cluster whose application kafka fails, and what `status` says of that."""

    demo: Demo
    run: Process
    status: Result
    applications: frozenset[str]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Argo CD has tried the wave of kafka."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        demo.start()
        refuse_large_topics(demo)
        run = demo.bootstrap()
        told: list[Result] = []
        demo.until(lambda: is_refused(demo, run) and says_why(demo, told), "status to say why kafka fails")
        status = told[-1]
        names = frozenset(str(one["metadata"]["name"]) for one in demo.applications())
        yield Held(demo, run, status, names)
    finally:
        demo.discard()


def refuse_large_topics(demo: Demo) -> None:
    """What administrators of a cluster do, with no regard to who applies."""
    rule = {"apiGroups": ["kafka.strimzi.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
            "resources": ["kafkatopics"]}  # fmt: skip
    check = {"expression": "object.spec.partitions <= 4", "message": REFUSED}
    spec = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [check]}
    post(demo, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", spec)
    post(demo, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings",
         {"policyName": "topics", "validationActions": ["Deny"]})  # fmt: skip


def post(demo: Demo, kind: str, plural: str, spec: Object) -> None:
    thing = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "topics"}}
    demo.gitops.api.must(demo.gitops.api.ask("POST", f"{POLICIES}/{plural}", {**thing, "spec": spec}))


def is_refused(demo: Demo, run: Process) -> bool:
    """Whether kafka is, and nothing else holds up the next wave."""
    assert run.alive, run.tail()
    waves = waves_of(demo)
    others = {name for name, wave in waves.items() if wave <= waves["kafka"]} - {"kafka"}
    operation = demo.gitops.application("kafka").get("status", {}).get("operationState", {})
    is_told = REFUSED in str(operation.get("message")) + str(operation.get("syncResult"))
    return is_told and all(demo.gitops.health(name) == "Healthy" for name in others)


def says_why(demo: Demo, told: list[Result]) -> bool:
    """Whether `status` does. For the moment in which Argo CD tries again, all it has is that it does."""
    told.append(process(*demo.words("status")))
    return REFUSED in told[-1].out


@pytest.fixture(scope="module")
def finished(held: Held) -> Demo:
    """Somebody has pushed smaller topics, and has done nothing else."""
    demo = held.demo
    edit(demo.root, OWN, "    kafka:\n      values:\n", "    kafka:\n      values:\n        topics: *few\n")
    edit(demo.root, OWN, "clusterGroup:\n",
         "few: &few {xray-images: {partitions: 3}, xray-results: {partitions: 3}}\nclusterGroup:\n")  # fmt: skip
    demo.publish("topics that the cluster takes")
    demo.until_ended(held.run)
    return demo


def test_what_fails_in_one_wave_holds_back_the_next_and_status_names_it(held: Held) -> None:
    waves = waves_of(held.demo)
    later = {name for name, wave in waves.items() if wave > waves["kafka"]}
    assert later

    assert later & held.applications == set()
    assert held.applications == set(waves) - later | {ROOT}
    assert held.status.code == 1
    assert "waits for kafka" in held.status.out


def test_with_the_cure_pushed_bootstrap_ends_with_everything_healthy(finished: Demo, held: Held) -> None:
    assert held.run.exit_code == 0, held.run.tail()
    assert f"all {len(waves_of(finished)) + 1} Applications of '{NAME}' are Healthy" in held.run.text()
    status = process(*finished.words("status"))
    assert status.code == 0, status.out


def test_no_wave_begins_before_the_last_one_was_well(finished: Demo) -> None:
    waves, watch = waves_of(finished), finished.watch
    assert watch is not None
    assert len(set(waves.values())) == 6

    early = {
        f"{name} before {earlier}"
        for name, wave in waves.items()
        for earlier, before in waves.items()
        if before < wave and not watch.first_well(earlier) < watch.first(name)
    }
    assert early == set()


def test_objects_are_made_in_the_order_of_their_waves(finished: Demo) -> None:
    """By the times of creation, which have whole seconds."""
    made: dict[int, list[str]] = {}
    for name, wave in waves_of(finished).items():
        made.setdefault(wave, []).extend(creation_times(finished, name))

    assert all(len(times) > 1 for times in made.values())
    for wave in sorted(made)[1:]:
        assert max(made[wave - 1]) <= min(made[wave]), f"an object of wave {wave} is older than one of wave {wave - 1}"


def test_a_kind_that_nobody_plays_is_named_instead_of_waited_for() -> None:
    row = {"group": "kafka.strimzi.io", "kind": "KafkaBridge", "health": {"status": "Progressing"}}
    others = [{"group": "apps", "kind": "Deployment", "health": {"status": "Progressing"}}, {"kind": "ConfigMap"}]

    refuse_unplayed([{"status": {"resources": others}}, {}])
    with pytest.raises(FailedError, match="waits for KafkaBridge of kafka"):
        refuse_unplayed([{"status": {"resources": [*others, row]}}])


def waves_of(demo: Demo) -> dict[str, int]:
    """Of each Application of the tree the wave that it is in."""
    found = {}
    for file in (demo.root / "rendered" / NAME / "argocd").glob("application-*.yaml"):
        metadata = yaml.safe_load(file.read_text("utf-8"))["metadata"]
        found[metadata["name"]] = int(metadata["annotations"]["argocd.argoproj.io/sync-wave"])
    return found


def creation_times(demo: Demo, application: str) -> list[str]:
    """When the objects of an Application were made, but for those that it found: Argo CD's own settings."""
    api = demo.gitops.cluster.login("admin")  # knows the kinds of now
    begun = str(demo.gitops.application(application)["metadata"]["creationTimestamp"])
    times = []
    for row in demo.gitops.application(application)["status"]["resources"]:
        version = f"{row['group']}/{row['version']}" if row.get("group") else row["version"]
        path = f"{api.resource(version, row['kind']).of(row.get('namespace') or NAMESPACE)}/{row['name']}"
        times.append(str(demo.gitops.get(path)["metadata"]["creationTimestamp"]))
    return [one for one in times if one >= begun]
