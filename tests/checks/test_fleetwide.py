"""Between clusters: what two of them claim, what one claims twice, and where Applications go."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.checks.fleetwide import fleet_findings
from medpattern.checks.manifests import Inventory, Manifest, Reach, everywhere
from medpattern.findings import Finding, Place

Object = dict[str, Any]


def obj(api_version: str, kind: str, name: str, namespace: str = "xraylab", **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}


def cluster(name: str, *objects: Object, server: str = "", pushed_by: str = "") -> Inventory:
    here = everywhere(Place(f"{name}.yaml"))
    manifests = tuple(Manifest(data, data["metadata"]["namespace"], "app", 0, here) for data in objects)
    reach = Reach(server or f"https://api.{name}.example.org:6443", pushed_by, here)
    return Inventory(name, manifests=manifests, reach=reach)


def route(name: str, host: str, path: str = "") -> Object:
    return obj("route.openshift.io/v1", "Route", name, spec={"host": host, "path": path})


def ingress(name: str, host: str, path: str) -> Object:
    rule = {"host": host, "http": {"paths": [{"path": path}]}}
    return obj("networking.k8s.io/v1", "Ingress", name, spec={"rules": [rule]})


def claim(name: str, bucket: str, storage_class: str = "rook-ceph-bucket") -> Object:
    spec = {"bucketName": bucket, "storageClassName": storage_class}
    return obj("objectbucket.io/v1alpha1", "ObjectBucketClaim", name, spec=spec)


def settings(name: str, **values: str) -> Object:
    return obj("v1", "ConfigMap", name, data=values)


def topic(name: str, kafka: str, topic_name: str = "", namespace: str = "kafka") -> Object:
    made = obj(
        "kafka.strimzi.io/v1", "KafkaTopic", name, namespace, spec={"topicName": topic_name} if topic_name else {}
    )
    made["metadata"]["labels"] = {"strimzi.io/cluster": kafka}
    return made


def source(
    name: str, group: str, server: str = "kafka.kafka.svc:9093", topics: tuple[str, ...] = ("images",)
) -> Object:
    spec = {"bootstrapServers": [server], "consumerGroup": group, "topics": list(topics)}
    return obj("sources.knative.dev/v1", "KafkaSource", name, spec=spec)


def application(name: str, /, **destination: str) -> Object:
    return obj("argoproj.io/v1alpha1", "Application", name, "argocd", spec={"destination": destination})


def found(*inventories: Inventory) -> list[Finding]:
    return list(fleet_findings(inventories))


def told(*inventories: Inventory) -> list[tuple[str, str]]:
    return [(finding.code, finding.clusters[0]) for finding in found(*inventories)]


REGION = {"S3_ENDPOINT": "https://s3.region.example.org"}
BROKERS = {"KAFKA_BOOTSTRAP": "kafka.region.example.org:9094"}


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        ([route("a", "ward.example.org"), route("b", "Ward.example.org")], "duplicate-host"),
        ([ingress("a", "ward.example.org", "/"), route("b", "ward.example.org")], "duplicate-host"),
        ([claim("a", "images"), claim("b", "images")], "duplicate-bucket"),
        ([topic("images", "kafka"), topic("copies", "kafka", "images")], "duplicate-topic"),
        ([source("a", "risk"), source("b", "risk")], "duplicate-group"),
        (
            [source("a", "risk"), settings("b", KAFKA_BOOTSTRAP="kafka.kafka.svc:9093", NOTIFY_GROUP="risk")],
            "duplicate-group",
        ),
    ],
)
def test_two_objects_of_a_cluster_cannot_have_the_same(objects: list[Object], code: str) -> None:
    assert [finding.code for finding in found(cluster("ward", *objects))] == [code]


@pytest.mark.parametrize(
    "objects",
    [
        [ingress("a", "ward.example.org", "/"), ingress("b", "ward.example.org", "/api")],
        [route("a", "ward.example.org"), route("b", "ward.example.org", "/api")],
        [claim("a", "images"), claim("b", "images", "another-store")],
        [topic("images", "kafka"), topic("images", "other")],
        [topic("images", "kafka"), topic("images", "kafka", namespace="other")],
        [source("a", "risk"), source("b", "risk", "other.kafka.svc:9093")],
        # A program that asks how far the source is.
        [source("a", "risk"), settings("b", KAFKA_BOOTSTRAP="kafka.kafka.svc:9093", SOURCE_GROUP="risk")],
        # The programs that share a bucket.
        [settings("a", **REGION, SOURCE_BUCKET="images"), settings("b", **REGION, SOURCE_BUCKET="images")],
    ],
)
def test_what_is_kept_apart_by_path_store_or_broker_may_have_one_name(objects: list[Object]) -> None:
    assert found(cluster("ward", *objects)) == []


@pytest.mark.parametrize(
    ("claimed", "code"),
    [
        (route("a", "ward.example.org"), "duplicate-host"),
        (settings("a", **REGION, SOURCE_BUCKET="images"), "duplicate-bucket"),
        (settings("a", **BROKERS, RESULTS_TOPIC="results"), "duplicate-topic"),
        (settings("a", **BROKERS, NOTIFY_GROUP="notify"), "duplicate-group"),
    ],
)
def test_two_clusters_cannot_have_the_same_of_what_lies_outside_both(claimed: Object, code: str) -> None:
    assert told(cluster("north", claimed), cluster("south", claimed)) == [(code, "north"), (code, "south")]


def test_sources_of_two_clusters_at_one_broker_share_neither_topic_nor_group() -> None:
    one = source("a", "risk", "kafka.region.example.org:9094")
    codes = {code for code, _ in told(cluster("north", one), cluster("south", one))}
    assert codes == {"duplicate-topic", "duplicate-group"}


@pytest.mark.parametrize(
    "claimed",
    [
        claim("a", "images"),
        topic("images", "kafka"),
        source("a", "risk"),
        settings("a", S3_ENDPOINT="https://rgw.rook-ceph.svc", SOURCE_BUCKET="images"),
    ],
)
def test_each_cluster_has_its_own_of_what_lies_inside(claimed: Object) -> None:
    assert found(cluster("north", claimed), cluster("south", claimed)) == []


def test_a_bucket_of_another_service_is_another_bucket() -> None:
    here = settings("a", **REGION, SOURCE_BUCKET="images")
    there = settings("a", S3_ENDPOINT="https://s3.other.example.org", SOURCE_BUCKET="images")
    assert found(cluster("north", here), cluster("south", there)) == []


# Spokes --------------------------------------------------------------------------------------------------


def test_an_application_that_goes_to_no_cluster_names_the_nearest() -> None:
    hub = cluster("hub", application("north-kafka", name="nort"))
    (finding,) = found(hub, cluster("north", pushed_by="hub"))
    assert finding.code == "unreachable-spoke"
    assert "'north'" in finding.cure


def test_a_server_that_no_cluster_states() -> None:
    hub = cluster("hub", application("north-kafka", server="https://api.nort.example.org:6443"))
    assert told(hub, cluster("north", pushed_by="hub")) == [("unreachable-spoke", "hub")]


def test_a_spokes_application_that_goes_to_another_spoke() -> None:
    north = cluster("north", application("north-kafka", name="south"), pushed_by="hub")
    (finding,) = found(cluster("hub"), north, cluster("south", pushed_by="hub"))
    assert finding.clusters == ("north",)
    assert "goes to south" in finding.message


def test_two_clusters_with_one_server() -> None:
    server = "https://api.example.org:6443"
    assert told(cluster("north", server=server), cluster("south", server=server)) == [("unreachable-spoke", "south")]


def test_destinations_by_name_and_by_server_and_the_hubs_own() -> None:
    north = cluster(
        "north",
        application("north-kafka", name="north"),
        application("north-xray", server="https://api.north.example.org:6443"),
        pushed_by="hub",
    )
    hub = cluster("hub", application("north-root", server="https://kubernetes.default.svc"))
    assert found(hub, north) == []
