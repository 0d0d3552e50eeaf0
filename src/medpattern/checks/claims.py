"""What an object takes for itself alone: hosts, buckets, topics, Kafka groups, as tables of where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import pod_of
from medpattern.checks.policy.reading import items_at, map_at, mapping, sequence, word, words_at
from medpattern.findings import KeyPath

HOST, BUCKET, TOPIC, GROUP = "host", "bucket", "topic", "group"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that one object may have and no other.

    `sort` is one of the constants above, `name` what is claimed. `owner` tells whose it is: a server outside, such as
    an S3 endpoint, or "" for what the cluster has itself. `part` distinguishes within the cluster: a path below a
    host, or the store in the cluster. `shareable` claims may be made twice within a cluster.
    """

    sort: str
    name: str
    path: KeyPath
    owner: str = ""
    part: str = ""
    shareable: bool = False


# (API group, kind) -> where its host names stand; `*` is each item of a list.
_HOSTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("route.openshift.io", "Route"): ("spec.host",),
    ("gateway.networking.k8s.io", "HTTPRoute"): ("spec.hostnames.*",),
    ("serving.knative.dev", "DomainMapping"): ("metadata.name",),
    ("kafka.strimzi.io", "Kafka"): (
        "spec.kafka.listeners.*.configuration.bootstrap.host",
        "spec.kafka.listeners.*.configuration.bootstrap.alternativeNames.*",
        "spec.kafka.listeners.*.configuration.brokers.*.host",
    ),
    ("grafana.integreatly.org", "Grafana"): ("spec.route.spec.host", "spec.ingress.spec.rules.*.host"),
    ("k8s.keycloak.org", "Keycloak"): ("spec.hostname.hostname",),
}
# Routes that share a host and tell their requests apart by more than the path.
_SHARING = frozenset({("gateway.networking.k8s.io", "HTTPRoute")})
# What settings are called, in environments and ConfigMaps.
_ENDPOINT = re.compile(r"(^|_)(S3_ENDPOINT|ENDPOINT_URL(_S3)?|ENDPOINT)(_URL)?$")
_BUCKETS = re.compile(r"(^|_)BUCKET(_NAME)?$")
_BOOTSTRAP = re.compile(r"(^|_)KAFKA_BOOTSTRAP(_SERVERS)?$|^BOOTSTRAP_SERVERS$")
_TOPICS = re.compile(r"(^|_)TOPIC(_NAME)?$")
# A program that names the group of a source watches it, and does not join it.
_GROUPS = re.compile(r"(^|_)(?<!SOURCE_)GROUP(_ID)?$")


def claims(manifest: Manifest) -> Iterator[Claim]:
    """Everything that one object claims, as far as it says so itself."""
    yield from _hosts(manifest)
    kind = (manifest.group, manifest.kind)
    if kind == ("objectbucket.io", "ObjectBucketClaim"):
        spec = map_at(manifest.data, "spec")
        if word(spec.get("bucketName")):
            yield Claim(BUCKET, spec["bucketName"], ("spec", "bucketName"), part=word(spec.get("storageClassName")))
    elif kind == ("kafka.strimzi.io", "KafkaTopic"):
        name = word(map_at(manifest.data, "spec").get("topicName"))
        path: KeyPath = ("spec", "topicName") if name else ("metadata", "name")
        part = f"{manifest.namespace}/{manifest.labels().get('strimzi.io/cluster', '')}"
        yield Claim(TOPIC, name or manifest.name, path, part=part)
    elif kind == ("sources.knative.dev", "KafkaSource"):
        yield from _of_source(manifest)
    elif kind == ("ceph.rook.io", "CephBucketTopic"):
        owner = outside(word(map_at(manifest.data, "spec", "endpoint", "kafka").get("uri")))
        if owner:
            yield Claim(TOPIC, manifest.name, ("metadata", "name"), owner, shareable=True)
    else:
        for base, settings in _settings(manifest):
            yield from _of_settings(base, settings)


def _hosts(manifest: Manifest) -> Iterator[Claim]:
    kind = (manifest.group, manifest.kind)
    if kind == ("networking.k8s.io", "Ingress"):
        for base, rule in items_at(manifest.data, "spec", "rules"):
            paths = [word(item.get("path")) for _, item in items_at(rule, "http", "paths")] or [""]
            for path in paths if word(rule.get("host")) else ():
                yield Claim(HOST, rule["host"].lower(), (*base, "host"), part=path or "/")
    for pattern in _HOSTS.get(kind, ()):
        for at, host in _found(manifest.data, pattern.split(".")):
            part = word(map_at(manifest.data, "spec").get("path")) or "/"
            yield Claim(HOST, host.lower(), at, part=part, shareable=kind in _SHARING)


def _found(data: Any, pattern: list[str], base: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """(path, text) of each text where `pattern` leads."""
    if not pattern:
        if isinstance(data, str) and data:
            yield base, data
    elif pattern[0] == "*":
        for index, item in enumerate(sequence(data)):
            yield from _found(item, pattern[1:], (*base, index))
    else:
        yield from _found(mapping(data).get(pattern[0]), pattern[1:], (*base, pattern[0]))


def _of_source(manifest: Manifest) -> Iterator[Claim]:
    spec = map_at(manifest.data, "spec")
    servers = sorted(words_at(spec, "bootstrapServers"))
    owner = outside(servers[0]) if servers else ""
    if word(spec.get("consumerGroup")):
        yield Claim(GROUP, spec["consumerGroup"], ("spec", "consumerGroup"), owner, ",".join(servers))
    for index, topic in enumerate(words_at(spec, "topics") if owner else ()):
        yield Claim(TOPIC, topic, ("spec", "topics", index), owner, shareable=True)


def _settings(manifest: Manifest) -> Iterator[tuple[KeyPath, dict[str, tuple[KeyPath, str]]]]:
    """(path, settings by name with their paths) of each container and of a ConfigMap."""
    if (manifest.group, manifest.kind) == ("", "ConfigMap"):
        data = map_at(manifest.data, "data")
        yield ("data",), {str(key): (("data", key), text) for key, text in data.items() if isinstance(text, str)}
    pod = pod_of(manifest)
    for container in pod.all_containers if pod else ():
        found = {}
        for path, env in items_at(container.spec, "env"):
            if word(env.get("name")) and isinstance(env.get("value"), str):
                found[env["name"]] = ((*container.path, *path, "value"), env["value"])
        yield container.path, found


def _of_settings(base: KeyPath, settings: dict[str, tuple[KeyPath, str]]) -> Iterator[Claim]:
    """Buckets at an endpoint outside, topics at brokers outside, and groups wherever the brokers are."""
    stores = [outside(text) for name, (_, text) in settings.items() if _ENDPOINT.search(name)]
    brokers = [text for name, (_, text) in settings.items() if _BOOTSTRAP.search(name) and text]
    for name, (path, text) in settings.items():
        if _BUCKETS.search(name) and text and stores and stores[0]:
            yield Claim(BUCKET, text, path, stores[0], shareable=True)
        elif _TOPICS.search(name) and text and brokers and outside(brokers[0]):
            yield Claim(TOPIC, text, path, outside(brokers[0]), shareable=True)
        elif _GROUPS.search(name) and text and brokers:
            yield Claim(GROUP, text, path, outside(brokers[0]), brokers[0])


def outside(address: str) -> str:
    """The host of a URL or of the first `host:port` of a list, if it lies outside the cluster; else "".

    >>> outside("https://s3.region.example.org"), outside("kafka-kafka-bootstrap.kafka.svc:9093")
    ('s3.region.example.org', '')
    """
    first = address.split(",")[0].strip()
    try:
        host = urlsplit(first if "://" in first else f"//{first}").hostname or ""
    except ValueError:
        return ""
    inside = host.endswith((".svc", ".svc.cluster.local", ".local")) or "." not in host or host == "127.0.0.1"
    return "" if inside else host
