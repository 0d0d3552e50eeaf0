"""Complaints about Kafka by Strimzi, and about Knative: what brings an event from the topic to the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.cluster.doctor.platform import PATIENCE_SECONDS
from medpattern.cluster.doctor.snapshot import (
    Check,
    Kind,
    Object,
    Said,
    Snapshot,
    age,
    condition,
    labels,
    named,
    spec,
    status,
    words,
)

STRIMZI = "kafka.strimzi.io"
KAFKA: Kind = (STRIMZI, "Kafka")
POOL: Kind = (STRIMZI, "KafkaNodePool")
TOPIC: Kind = (STRIMZI, "KafkaTopic")
USER: Kind = (STRIMZI, "KafkaUser")
SOURCE: Kind = ("sources.knative.dev", "KafkaSource")
SERVICE: Kind = ("serving.knative.dev", "Service")
SERVING: Kind = ("operator.knative.dev", "KnativeServing")
EVENTING: Kind = ("operator.knative.dev", "KnativeEventing")
KNATIVE_KAFKA: Kind = ("operator.serverless.openshift.io", "KnativeKafka")
SECRET: Kind = ("", "Secret")

OWNER = "strimzi.io/cluster"
# Where OpenShift Serverless wants its one KnativeServing.
SERVING_NAMESPACE = "knative-serving"
# Strimzi writes no status into a paused object.
_PAUSED = "strimzi.io/pause-reconciliation"


def unowned(seen: Snapshot) -> Iterator[Said]:
    """Topics, users and node pools that no operator looks at."""
    there = seen.names(KAFKA)
    for one in seen.of(POOL, TOPIC, USER):
        namespace, _ = named(one)
        owner = labels(one).get(OWNER, "")
        if not owner:
            yield one, f"it has no label {OWNER}, so it is ignored", "label it with the name of its Kafka"
        elif (namespace, owner) not in there:
            cure = "put it into the namespace of its Kafka, or correct the label"
            yield one, f"its label {OWNER} names {owner}, and there is no such Kafka in its namespace", cure


def kafka_not_ready(seen: Snapshot) -> Iterator[Said]:
    """What Strimzi says is not ready."""
    for one in seen.of(KAFKA, POOL, TOPIC, USER):
        ready, failed = condition(one), condition(one, "NotReady")
        bad = failed if failed.get("status") == "True" else ready
        if bad is failed or bad.get("status") == "False":
            cure = "see the log of Strimzi's operator of this object; a node that does not start is a pod of its own"
            yield one, f"it is not ready: {words(bad)}", cure


def kafka_unseen(seen: Snapshot) -> Iterator[Said]:
    """Objects that Strimzi has not looked at for long."""
    for one in seen.of(KAFKA, TOPIC, USER):
        is_paused = (one["metadata"].get("annotations") or {}).get(_PAUSED) == "true"
        if not status(one) and not is_paused and age(one, seen.now) > PATIENCE_SECONDS:
            cure = "see whether Strimzi's operators run, and whether they watch this namespace"
            yield one, "no operator has looked at it since it was made", cure


def poolless(seen: Snapshot) -> Iterator[Said]:
    """Kafkas without nodes."""
    owners = {(named(one)[0], labels(one).get(OWNER, "")) for one in seen.of(POOL)}
    for one in seen.of(KAFKA):
        if named(one) not in owners:
            yield one, "no KafkaNodePool belongs to it, so it has no nodes", f"declare one with the label {OWNER}"


def unguarded(seen: Snapshot) -> Iterator[Said]:
    """Access rules that nobody enforces."""
    kafkas = {named(one): one for one in seen.of(KAFKA)}
    for one in seen.of(USER):
        kafka = kafkas.get((named(one)[0], labels(one).get(OWNER, "")))
        if kafka is not None and spec(one).get("authorization") and not _authorizes(kafka):
            cure = "set spec.kafka.authorization of the Kafka to {type: simple}"
            yield one, "it has access rules, and its Kafka has no authorization: they are refused or ignored", cure


def _authorizes(kafka: Object) -> bool:
    return bool((spec(kafka).get("kafka") or {}).get("authorization"))


def no_dead_letters(seen: Snapshot) -> Iterator[Said]:
    """Sources that drop what the service will not take."""
    for one in seen.of(SOURCE):
        if not (spec(one).get("delivery") or {}).get("deadLetterSink"):
            cure = "set spec.delivery.deadLetterSink"
            yield one, "an event that is refused, or fails to the end, is dropped: there is no dead letter sink", cure


def no_retries(seen: Snapshot) -> Iterator[Said]:
    """Sources whose retries were turned off by what is left out."""
    for one in seen.of(SOURCE):
        delivery = spec(one).get("delivery")
        if delivery and not delivery.get("retry"):
            yield one, "its delivery names no retry, which means none at all", "set spec.delivery.retry, such as 5"


def late(seen: Snapshot) -> Iterator[Said]:
    """Sources that miss what came before them."""
    for one in seen.of(SOURCE):
        if spec(one).get("initialOffset", "latest") != "earliest":
            cure = "set spec.initialOffset: earliest; for a group that has begun already it changes nothing"
            yield one, "it begins with the latest event: what came before it was first ready is never read", cure


def keyless(seen: Snapshot) -> Iterator[Said]:
    """Sources whose logins are not in their namespace."""
    there = seen.names(SECRET)
    for one in seen.of(SOURCE):
        namespace, _ = named(one)
        for name in sorted(set(_secrets(spec(one).get("net")))):
            if (namespace, name) not in there:
                cure = "copy it there (an ExternalSecret does): a source reads Secrets of its own namespace alone"
                yield one, f"it logs in with the Secret {name}, which is not in its namespace", cure


def _secrets(part: Any) -> Iterator[str]:
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        if key == "secretKeyRef" and isinstance(value, dict):
            yield str(value.get("name"))
        else:
            yield from _secrets(value)


def knative_not_ready(seen: Snapshot) -> Iterator[Said]:
    """What Knative says is not ready."""
    for one in seen.of(SERVING, EVENTING, KNATIVE_KAFKA, SERVICE, SOURCE):
        bad = [row for row in status(one).get("conditions") or () if _is_failing(row)]
        if bad and condition(one).get("status") != "True":
            deepest = next((row for row in bad if row.get("type") != "Ready"), bad[0])
            cure = _CURES.get(
                str(deepest.get("type")), "see the pods that it names, and the log of Knative's controller"
            )
            yield one, f"{deepest.get('type')} is {deepest.get('status')}: {words(deepest)}", cure


_CURES = {
    "SinkProvided": "the sink's Service must be there and Ready first",
    "RoutesReady": "see the ingress of Knative (Kourier), and the domain of the cluster",
    "ConnectionEstablished": "see bootstrap servers, the CA's Secret, and whether a NetworkPolicy lets Knative in",
    "InitialOffsetsCommitted": "see whether the topic is there and the user may read it and its consumer group",
}


def _is_failing(row: Object) -> bool:
    return row.get("status") == "False" and row.get("severity", "") in ("", "Error")


def source_off(seen: Snapshot) -> Iterator[Said]:
    """Kafka sources that OpenShift was not told to run."""
    for one in seen.of(KNATIVE_KAFKA) if seen.names(SOURCE) else ():
        if not (spec(one).get("source") or {}).get("enabled"):
            yield one, "KafkaSources are there and nothing runs them", "set spec.source.enabled: true"


def misplaced(seen: Snapshot) -> Iterator[Said]:
    """Knative Serving where OpenShift's operator does not look."""
    for one in seen.of(SERVING) if seen.has(KNATIVE_KAFKA) else ():
        if named(one)[0] != SERVING_NAMESPACE:
            yield one, "OpenShift Serverless looks at one namespace alone", f"move it to {SERVING_NAMESPACE}"


CHECKS = (
    Check("kafka-without-nodes", (KAFKA, POOL), poolless),
    Check("kafka-object-ignored", (KAFKA,), unowned, any_of=(POOL, TOPIC, USER)),
    Check("kafka-not-ready", (), kafka_not_ready, any_of=(KAFKA, POOL, TOPIC, USER)),
    Check("kafka-unseen", (), kafka_unseen, any_of=(KAFKA, TOPIC, USER)),
    Check("kafka-rules-ignored", (KAFKA, USER), unguarded),
    Check("serving-misplaced", (SERVING,), misplaced),
    Check("kafka-source-off", (KNATIVE_KAFKA, SOURCE), source_off),
    Check("source-login-missing", (SOURCE, SECRET), keyless),
    Check("knative-not-ready", (), knative_not_ready, any_of=(SERVING, EVENTING, KNATIVE_KAFKA, SERVICE, SOURCE)),
    Check("source-drops-events", (SOURCE,), no_dead_letters),
    Check("source-without-retries", (SOURCE,), no_retries),
    Check("source-begins-late", (SOURCE,), late),
)
