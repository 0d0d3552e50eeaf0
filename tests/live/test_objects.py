"""Every object of the shipped fleet is accepted by a real API server, all rules of its definitions included."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import Pod, pod_of
from tests.live import fleet
from tests.live.conftest import StartCluster
from tests.live.servers.api import STRICT, THREADS, Answer, Api, Object
from tests.live.servers.cluster import Cluster

# The name that Argo CD gives its finalizer, of before names had to have a path:
# https://argo-cd.readthedocs.io/en/stable/user-guide/app_deletion/
KNOWN_WARNING = 'metadata.finalizers: \\"resources-finalizer.argocd.argoproj.io\\"'
# Fields of a revision beside those of its pod, and of a container, where Knative fills in what is left out.
KNATIVE_FIELDS = ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")
KNATIVE_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
CLUSTERS = sorted(fleet.inventories())


def answers(api: Api, manifest: Manifest) -> Iterator[tuple[str, Answer]]:
    """What the server says to an object that is new, and to one that is applied as Argo CD does it."""
    resource = api.resource(manifest.api_version, manifest.kind)
    if manifest.kind != "Namespace":  # they are there already, for the sake of what lives in them
        yield "create", api.create(resource, manifest.namespace, manifest.data)
    if manifest.name:
        yield "apply", api.apply(resource, manifest.namespace, manifest.data)


def shown(manifest: Manifest) -> str:
    return f"{manifest.app or 'root'}: {manifest.key}"


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_object_is_accepted(start_cluster: StartCluster, name: str) -> None:
    known = fleet.inventories()[name]
    api = start_cluster(known.distribution).api

    def refusals(manifest: Manifest) -> list[str]:
        said = ((way, answer.refusal) for way, answer in answers(api, manifest))
        return [f"{shown(manifest)} ({way}): {refusal}" for way, refusal in said if refusal]

    with ThreadPoolExecutor(THREADS) as threads:
        refused = [told for several in threads.map(refusals, known.manifests) for told in several]

    assert refused == []


@pytest.mark.parametrize("name", CLUSTERS)
def test_no_object_brings_a_warning(start_cluster: StartCluster, name: str) -> None:
    known = fleet.inventories()[name]
    api = start_cluster(known.distribution).api
    make_real(api, known.of_kind("", "Namespace"))  # with the labels that Pod Security reads

    def warnings(manifest: Manifest) -> list[str]:
        said = (one for _, answer in answers(api, manifest) for one in answer.warnings)
        return [f"{shown(manifest)}: {one}" for one in said if KNOWN_WARNING not in one]

    with ThreadPoolExecutor(THREADS) as threads:
        told = [one for several in threads.map(warnings, known.manifests) for one in several]

    assert told == []


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_pods_of_every_workload_are_admitted(start_cluster: StartCluster, name: str) -> None:
    """The pods themselves, which controllers would make, pass Pod Security and the checks of service accounts."""
    known = fleet.inventories()[name]
    api = start_cluster(known.distribution).api
    make_real(api, known.of_kind("", "Namespace", "ServiceAccount"))
    for namespace in fleet.namespaces([known]):
        default = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        api.must(api.apply(api.resource("v1", "ServiceAccount"), namespace, default, STRICT))
    workloads = {manifest: pod for manifest in known.manifests if (pod := pod_of(manifest))}

    refused = []
    for manifest, pod in workloads.items():
        answer = api.create(api.resource("v1", "Pod"), manifest.namespace, started(pod))
        refused += [f"{shown(manifest)}: {answer.refusal}"] if answer.refusal else []

    assert refused == []


def started(pod: Pod) -> Object:
    """The pod that a controller would make."""
    spec = {name: value for name, value in pod.spec.items() if name not in KNATIVE_FIELDS}
    if pod.is_knative:
        spec["containers"] = [
            {name: value for name, value in container.spec.items() if name not in KNATIVE_PROBES}
            for container in pod.containers
        ]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}, "spec": spec}


def make_real(api: Api, manifests: list[Manifest]) -> None:
    for manifest in manifests:
        resource = api.resource(manifest.api_version, manifest.kind)
        api.must(api.apply(resource, manifest.namespace, manifest.data, STRICT))


def test_what_is_wrong_is_refused(kubernetes: Cluster) -> None:
    """The server does look: at fields, types, numbers, what fits together, and at the CEL rules of a definition."""
    api = kubernetes.api
    topic = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "a"}}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}}
    store = {"apiVersion": "ceph.rook.io/v1", "kind": "CephObjectStore", "metadata": {"name": "a"}}
    wrong = {
        'unknown field "spec.partition"': {**topic, "spec": {"partition": 3}},
        "must be of type integer": {**topic, "spec": {"partitions": "3"}},
        'unknown field "spec.minimum"': {**budget, "spec": {"minimum": 1}},
        "cannot be both set": {**budget, "spec": {"minAvailable": 1, "maxUnavailable": 1}},
        "defaultRealm must not be true": {**store, "spec": {"defaultRealm": True, "zone": {"name": "a"}}},
    }
    for says, thing in wrong.items():
        resource = api.resource(str(thing["apiVersion"]), str(thing["kind"]))
        assert says in api.create(resource, "kafka", thing).refusal
