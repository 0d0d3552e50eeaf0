"""What several charts say, they say alike: in the charts' defaults, and in what each hospital gets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.renderer import Renderer
from tests.charts.test_shipped_charts import generated, with_defaults
from tests.charts.test_stages import PREFIX, Workload, workloads

ROOT = Path(__file__).parents[2]
Objects = list[dict[str, Any]]
CHARTS = ["database", "housekeeping", "kafka", "notifier", "risk-assessment", "xray-storage"]

# What each program has of its own; everything else is one thing with one name, whoever says it.
OWN = {
    "MEDPATTERN_CONCURRENCY",
    "MEDPATTERN_LOG_LEVEL",
    "MEDPATTERN_MODEL_THREADS",
    "MEDPATTERN_METRICS_PORT",
}
# Names of the environment of the buckets' job -> those of the stages.
OF_THE_BUCKETS = {
    "S3_ENDPOINT": "MEDPATTERN_S3_ENDPOINT",
    "S3_REGION": "MEDPATTERN_S3_REGION",
    "SOURCE_BUCKET": "MEDPATTERN_SOURCE_BUCKET",
    "PROCESSED_BUCKET": "MEDPATTERN_PROCESSED_BUCKET",
    "ANONYMISED_BUCKET": "MEDPATTERN_ANONYMISED_BUCKET",
    "TOPIC_NAME": "MEDPATTERN_INPUT_TOPIC",
}


@cache
def clusters() -> dict[str, dict[str, Objects]]:
    """What each hospital gets, by application; and what the charts make of their defaults."""
    fleet = load_fleet(ROOT)
    found = {
        made.cluster.name: {
            one.app.name: one.chart.hydrate(one.app.namespace) for one in made.apps if one.chart is not None
        }
        for made in Renderer(fleet).clusters(fleet.facts)
    }
    hospitals = {name: apps for name, apps in found.items() if "risk-assessment" in apps}
    assert len(hospitals) == 3
    return hospitals | {"defaults": {name: generated(name, with_defaults(name)).hydrate("xraylab") for name in CHARTS}}


def by_kind(apps: dict[str, Objects], kind: str) -> Iterator[dict[str, Any]]:
    return (item for found in apps.values() for item in found if item["kind"] == kind)


def stages(apps: dict[str, Objects]) -> Iterator[Workload]:
    return (one for name, found in apps.items() if name != "image-generator" for one in workloads(name, found))


def said(apps: dict[str, Objects]) -> dict[str, dict[str, set[str]]]:
    """Each setting of the stages: its values, and who says so."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in stages(apps):
        for name, text in one.environment.items():
            # Where its files lie is each pod's own.
            if name.startswith(PREFIX) and name not in OWN and not text.startswith("/"):
                found[name][text].add(one.shown)
    for item in by_kind(apps, "ConfigMap"):
        if item["metadata"]["name"] == "prepare-buckets-settings":
            for name, text in item["data"].items():
                if name in OF_THE_BUCKETS:
                    found[OF_THE_BUCKETS[name]][text].add("prepare-buckets")
    for source in by_kind(apps, "KafkaSource"):
        (topic,) = source["spec"]["topics"]
        found["MEDPATTERN_INPUT_TOPIC"][topic].add("KafkaSource")
        found["MEDPATTERN_SOURCE_GROUP"][source["spec"]["consumerGroup"]].add("KafkaSource")
        found["MEDPATTERN_KAFKA_BOOTSTRAP"][source["spec"]["bootstrapServers"][0]].add("KafkaSource")
    return found


every_cluster = pytest.mark.parametrize("cluster", ["hospital-1", "hospital-2", "hospital-3", "defaults"])


@every_cluster
def test_a_setting_is_the_same_whoever_has_it(cluster: str) -> None:
    found = said(clusters()[cluster])

    assert {name: dict(values) for name, values in found.items() if len(values) > 1} == {}
    for name in ("MEDPATTERN_SOURCE_BUCKET", "MEDPATTERN_INPUT_TOPIC", "MEDPATTERN_RESULTS_TOPIC"):
        assert len(set().union(*found[name].values())) >= 2, f"{name} is compared"


@every_cluster
def test_the_keys_of_the_pipeline_are_the_same_whoever_has_them(cluster: str) -> None:
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for secret in by_kind(clusters()[cluster], "ExternalSecret"):
        for entry in secret["spec"]["data"]:
            if entry["secretKey"] in ("identity", "pseudonym", "dead-letter"):
                places[entry["secretKey"]].add((entry["remoteRef"]["key"], entry["remoteRef"]["property"]))

    assert {name: len(found) for name, found in places.items()} == {"identity": 1, "pseudonym": 1, "dead-letter": 1}


@every_cluster
def test_topics_and_groups_of_the_stages_are_there_and_somebody_may_use_them(cluster: str) -> None:
    apps = clusters()[cluster]
    topics = {item["metadata"]["name"] for item in by_kind(apps, "KafkaTopic")}
    rules = {
        (entry["resource"]["type"], entry["resource"].get("name"))
        for user in by_kind(apps, "KafkaUser")
        for entry in user["spec"]["authorization"]["acls"]
    }
    named = {(name, text) for name, values in said(apps).items() for text in values}
    used = {text for name, text in named if name.endswith("_TOPIC")}
    groups = {text for name, text in named if name.endswith("_GROUP")}

    assert used <= topics
    assert {("topic", name) for name in used} | {("group", name) for name in groups} <= rules


@every_cluster
def test_a_password_of_the_database_stands_where_the_server_and_the_program_look_for_it(cluster: str) -> None:
    apps = clusters()[cluster]
    given = {
        secret["spec"]["target"]["template"]["data"]["username"]: secret["spec"]["data"][0]["remoteRef"]
        for secret in by_kind({"database": apps["database"]}, "ExternalSecret")
        if secret["spec"]["target"].get("template", {}).get("type") == "kubernetes.io/basic-auth"
    }
    made = {}
    for secret in by_kind(apps, "ExternalSecret"):
        url = secret["spec"]["target"].get("template", {}).get("data", {}).get("url", "")
        if url.startswith("postgresql://"):
            assert "sslmode=verify-full" in url
            made[url.split("//")[1].split(":")[0]] = secret["spec"]["data"][0]["remoteRef"]

    assert {role: given.get(role) for role in made} == made
    assert bool(made) is (cluster in ("hospital-1", "hospital-2", "defaults")), "the third has its database elsewhere"


@every_cluster
def test_the_object_store_and_the_purge_keep_data_for_as_long(cluster: str) -> None:
    apps = clusters()[cluster]
    (settings,) = [item["data"] for item in by_kind(apps, "ConfigMap") if "SOURCE_RETENTION_DAYS" in item["data"]]
    purges = [one.environment for one in stages(apps) if one.container["args"][0] == "purge"]

    assert len(purges) == (cluster != "defaults"), "by default nothing is purged"
    for purge in purges:
        for role in ("SOURCE", "PROCESSED", "ANONYMISED"):
            assert purge[f"MEDPATTERN_RETENTION_{role}_DAYS"] == settings[f"{role}_RETENTION_DAYS"]


def test_simulated_films_have_one_bucket_and_one_key_that_the_service_believes() -> None:
    machine, storage, service = (
        generated(name, with_defaults(name, change)).hydrate("xraylab")
        for name, change in (
            ("image-generator", {"machine": {"rate": 1}}),
            ("xray-storage", {"simulated": {"enabled": True}}),
            ("risk-assessment", {"simulation": {"enabled": True}}),
        )
    )
    (simulate,) = workloads("image-generator", machine)
    (serve,) = [one for one in workloads("risk-assessment", service) if one.container["args"] == ["serve"]]
    bucket = simulate.environment["MEDPATTERN_SOURCE_BUCKET"]
    claims = {
        item["metadata"]["name"]: item["spec"]["bucketName"] for item in storage if "bucketName" in item.get("spec", {})
    }

    assert claims["xray-simulated"] == bucket
    assert bucket not in {name for role, name in claims.items() if role != "xray-simulated"}
    assert serve.environment["MEDPATTERN_SIMULATED_BUCKETS"] == bucket
    assert serve.environment["MEDPATTERN_SOURCE_BUCKET"].split(",") == [claims["xray-source"], bucket]
    assert mark_of(machine, "image-generator-mark") == mark_of(service, "risk-assessment-simulator")


def mark_of(found: Objects, name: str) -> Any:
    (secret,) = [item for item in found if item["kind"] == "ExternalSecret" and item["metadata"]["name"] == name]
    return secret["spec"]["data"]


@pytest.mark.parametrize(("rate", "pods"), [(0, 0), (0.2, 1), (5, 1)])
def test_the_simulated_machine_stands_still_at_rate_0(rate: float, pods: int) -> None:
    found = generated("image-generator", with_defaults("image-generator", {"machine": {"rate": rate}})).hydrate("x")
    (deployment,) = [item for item in found if item["kind"] == "Deployment"]

    assert deployment["spec"]["replicas"] == pods
