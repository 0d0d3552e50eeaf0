"""Who may use which topic, and who comes before whom."""

from __future__ import annotations

import pytest
import yaml

from tests.checks.wiring.clusters import cluster, found, manifest, only

KAFKA = """
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: kafka, annotations: {argocd.argoproj.io/sync-wave: "%(kafka_wave)s"}}
spec:
  kafka:
    listeners: [{name: tls, port: 9093, type: internal, tls: true}]
    authorization: {%(authorization)s}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: images, labels: {strimzi.io/cluster: kafka}}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: source, labels: {strimzi.io/cluster: kafka}}
spec:
  authentication: {type: %(authentication)s}
  authorization:
    acls:
      - {resource: {type: topic, name: %(topic)s, patternType: %(pattern)s}, operations: [%(operations)s]}
      - {resource: {type: group, name: %(group)s}, operations: [Read]}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: images}
spec:
  bootstrapServers: ["kafka-kafka-bootstrap:%(port)s"]
  topics: [%(read)s]
  consumerGroup: wards
  net: {sasl: {password: {secretKeyRef: {name: source, key: password}}}}
  sink: {ref: {apiVersion: v1, kind: Service, name: %(sink)s}}
---
apiVersion: v1
kind: Service
metadata: {name: scores}
spec: {ports: [{port: 80}]}
"""
RIGHT = {
    "kafka_wave": "0", "authorization": "type: simple", "authentication": "scram-sha-512", "topic": "images",
    "pattern": "literal", "operations": "Read", "group": "wards", "port": "9093", "read": "images", "sink": "scores",
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({}, []),
        ({"topic": "ima", "pattern": "prefix"}, []),
        ({"topic": "'*'"}, []),
        ({"operations": "All"}, []),
        ({"authorization": ""}, []),
        ({"topic": "image", "authorization": "type: simple, superUsers: [CN=source]"}, ["dangling-reference"]),
        ({"operations": "Write"}, ["missing-acl"]),
        ({"group": "ward"}, ["missing-acl"]),
        ({"topic": "image"}, ["dangling-reference", "missing-acl"]),
        ({"read": "iamges"}, ["dangling-reference", "missing-acl"]),
        ({"port": "9092"}, ["dead-port"]),
        ({"sink": "score"}, ["dangling-reference"]),
        ({"authentication": "tls"}, ["unwritten-key"]),
    ],
    ids=str,
)
def test_a_source_may_read_its_topic_as_its_group(wrong: dict[str, str], wanted: list[str]) -> None:
    assert sorted(code for code, _ in found(cluster(KAFKA % (RIGHT | wrong)))) == wanted


def test_the_acl_that_lacks_is_named_where_the_topic_is_used() -> None:
    finding = only(cluster(KAFKA % (RIGHT | {"operations": "Describe"})))

    assert finding.place.file == "KafkaSource/images:spec.topics[0]"
    assert "as the KafkaUser source, who has no Read there" in finding.message


STAGE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: notify}
spec:
  template:
    spec:
      containers:
        - name: notify
          args: [notify]
          env:
            - {name: MEDPATTERN_RESULTS_TOPIC, value: images}
            - {name: MEDPATTERN_NOTIFY_GROUP, value: %s}
            - {name: MEDPATTERN_KAFKA_AUTHENTICATION, value: scram-sha-512}
            - {name: MEDPATTERN_KAFKA_CREDENTIALS, value: /etc/kafka}
          volumeMounts: [{name: kafka, mountPath: /etc/kafka}]
      volumes: [{name: kafka, secret: {secretName: copy}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: copy}
spec:
  secretStoreRef: {name: store, kind: SecretStore}
  target: {template: {data: {username: source, password: x}}}
  data: [{secretKey: password, remoteRef: {key: source, property: password}}]
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: store}
spec: {provider: {kubernetes: {remoteNamespace: ward}}}
---
"""


def test_a_stage_is_known_by_the_secret_that_its_credentials_are_copied_from() -> None:
    assert found(cluster(STAGE % "wards" + KAFKA % RIGHT)) == []
    finding = only(cluster(STAGE % "other" + KAFKA % RIGHT))
    assert finding.code == "missing-acl"
    assert finding.place.file == "Deployment/notify:spec.template.spec.containers[0].env[1].value"


# ---- waves -------------------------------------------------------------------------------------------------------


def test_what_is_needed_comes_no_later_than_its_user() -> None:
    assert found(cluster(KAFKA % (RIGHT | {"kafka_wave": "-1"}))) == []
    places = {place for code, place in found(cluster(KAFKA % (RIGHT | {"kafka_wave": "1"}))) if code == "wave-order"}
    assert "KafkaTopic/images:metadata.annotations" in places


SECRET = yaml.safe_load("{apiVersion: v1, kind: Secret, metadata: {name: keys}}")
ACCOUNT = yaml.safe_load(
    "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, imagePullSecrets: [{name: keys}]}"
)


@pytest.mark.parametrize("wave", [0, 1])
def test_an_application_may_come_with_or_after_what_it_needs(wave: int) -> None:
    objects = (manifest(SECRET, "secrets", 0), manifest(ACCOUNT, "stage", wave))

    assert found(cluster("", *objects)) == []


def test_an_application_before_what_it_needs_is_told_whom_to_depend_on() -> None:
    finding = only(cluster("", manifest(SECRET, "secrets", 2), manifest(ACCOUNT, "stage", 1)))

    assert (finding.code, finding.app) == ("wave-order", "stage")
    assert finding.cure == "add 'secrets' to dependsOn of 'stage'"


def test_a_right_may_come_before_the_account_that_it_is_for() -> None:
    role = yaml.safe_load("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: read}}")
    binding = yaml.safe_load("""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: read}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: read}
subjects: [{kind: ServiceAccount, name: a}]
""")
    account = yaml.safe_load("{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}")

    objects = (manifest(role, "kafka", 0), manifest(binding, "kafka", 0), manifest(account, "stage", 1))

    assert found(cluster("", *objects)) == []
