"""Network policies against the flows that are needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medpattern.checks.manifests import Unseen
from medpattern.checks.wiring.flows import needed_flows
from medpattern.checks.wiring.graph import Graph
from tests.checks.wiring.clusters import cluster, found

PODS = """
{apiVersion: v1, kind: Namespace, metadata: {name: ward, labels: {tier: own}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: data}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stage}
spec:
  template:
    metadata: {labels: {app: stage}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: stage
          env: [{name: MEDPATTERN_S3_ENDPOINT, value: "%(endpoint)s"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store, namespace: data}
spec:
  template:
    metadata: {labels: {app: store}}
    spec:
      automountServiceAccountToken: false
      containers: [{name: store, ports: [{name: s3, containerPort: 9000}]}]
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: data}
spec: {selector: {app: store}, ports: [{port: 443, targetPort: s3}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: stage}
spec:
  podSelector: {matchLabels: {app: %(of)s}}
  policyTypes: [Egress]
  egress:
    - {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}, {port: 53}]}
    - to: [%(peer)s]
      ports: [%(port)s]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: store, namespace: data}
spec:
  podSelector: {}
  ingress: [{from: [%(source)s]}]
"""  # noqa: E501
DATA = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}"
RIGHT = {
    "endpoint": "https://store.data.svc",
    "of": "stage",
    "peer": f"{{{DATA}, podSelector: {{matchLabels: {{app: store}}}}}}",
    "port": "{port: 9000}",
    "source": "{namespaceSelector: {matchLabels: {tier: own}}}",
}
OUT, IN = ("blocked-flow", "NetworkPolicy/stage:spec.egress"), ("blocked-flow", "NetworkPolicy/store:spec.ingress")


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({}, []),
        ({"of": "other"}, []),
        ({"peer": f"{{{DATA}}}"}, []),
        ({"port": "{port: s3}"}, []),
        ({"port": "{port: 8000, endPort: 9000}"}, []),
        ({"source": "{namespaceSelector: {}}"}, []),
        ({"source": "{namespaceSelector: {matchExpressions: [{key: tier, operator: In, values: [own]}]}}"}, []),
        ({"port": "{port: 443}"}, [OUT]),
        ({"port": "{port: 9000, protocol: UDP}"}, [OUT]),
        ({"peer": f"{{{DATA}, podSelector: {{matchLabels: {{app: stor}}}}}}"}, [OUT]),
        ({"peer": "{podSelector: {matchLabels: {app: store}}}"}, [OUT]),
        ({"peer": "{ipBlock: {cidr: 0.0.0.0/0}}"}, [OUT]),
        ({"source": "{podSelector: {}}"}, [IN]),
        ({"source": "{namespaceSelector: {matchLabels: {tier: other}}}"}, [IN]),
        ({"endpoint": "https://s3.example.org", "peer": "{ipBlock: {cidr: 192.0.2.0/28}}", "port": "{port: 443}"}, []),
        ({"endpoint": "https://192.0.2.1", "peer": "{ipBlock: {cidr: 192.0.2.0/28}}", "port": "{port: 443}"}, []),
        ({"endpoint": "https://192.0.2.77", "peer": "{ipBlock: {cidr: 192.0.2.0/28}}", "port": "{port: 443}"}, [OUT]),
        ({"endpoint": "https://s3.example.org", "port": "{port: 443}"}, [OUT]),
    ],
    ids=str,
)
def test_a_needed_flow_is_let_through_or_told(wrong: dict[str, str], wanted: list[tuple[str, str]]) -> None:
    assert found(cluster(PODS % (RIGHT | wrong))) == wanted


def test_names_are_a_flow_of_every_pod() -> None:
    text = PODS % RIGHT
    blind = text.replace("port: 53, protocol: UDP", "port: 54, protocol: UDP")

    assert blind != text
    assert found(cluster(blind)) == [OUT]


def test_a_listener_of_kafka_lets_in_the_peers_that_it_names() -> None:
    text = """
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: kafka, namespace: broker}
spec: {kafka: {listeners: [{name: tls, port: 9093, type: internal, networkPolicyPeers: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}]}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stage}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      containers: [{name: stage, env: [{name: MEDPATTERN_KAFKA_BOOTSTRAP, value: "kafka-kafka-bootstrap.broker.svc:9093"}]}]
"""  # noqa: E501

    assert found(cluster(text % "ward")) == []
    assert found(cluster(text % "wards")) == [
        ("blocked-flow", "Kafka/kafka:spec.kafka.listeners[0].networkPolicyPeers")
    ]


def test_an_address_in_a_secret_is_a_flow_of_the_pods_that_read_it() -> None:
    text = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: database}
spec: {target: {template: {data: {url: "postgresql://a:{{ .password }}@db.example.org/results"}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: report}}
        spec:
          automountServiceAccountToken: false
          containers: [{name: report}]
          volumes: [{name: database, secret: {secretName: database}}]
"""
    flows = [flow for flow in needed_flows(Graph.of(cluster(text))) if flow.target.host]

    assert [(str(flow.source), str(flow.target), flow.port) for flow in flows] == [
        ("report in ward", "db.example.org", 5432)
    ]


def test_an_address_in_a_secret_that_nobody_sees_is_told_by_an_annotation() -> None:
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: stage}
spec:
  template:
    metadata:
      labels: {app: stage}
      annotations: {medpattern.io/reaches: "hooks.example.org, chat.example.org:8443"}
    spec:
      automountServiceAccountToken: false
      containers: [{name: stage}]
"""
    flows = [flow for flow in needed_flows(Graph.of(cluster(text))) if flow.target.host]

    assert [(str(flow.source), str(flow.target), flow.port) for flow in flows] == [
        ("stage in ward", "chat.example.org", 8443),
        ("stage in ward", "hooks.example.org", 443),
    ]


def test_whoever_gets_a_token_may_talk_to_the_api_server() -> None:
    text = PODS % RIGHT
    quiet = needed_flows(Graph.of(cluster(text)))
    loud = needed_flows(Graph.of(cluster(text.replace("automountServiceAccountToken: false", "dnsPolicy: Default", 1))))

    assert {flow.port for flow in loud} - {flow.port for flow in quiet} == {443, 6443}


ENTRANCE = """
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: store, namespace: data}
spec: {rules: [{host: store.example.org, http: {paths: [{backend: {service: {name: store, port: {number: 443}}}}]}}]}
"""


@pytest.mark.parametrize(
    ("source", "places", "wanted"),
    [
        ("ingress-nginx", {}, []),
        ("front", {}, [IN]),
        ("front", {"ingress": "front"}, []),
        ("ingress-nginx", {"ingress": "front"}, [IN]),
    ],
)
def test_the_ingress_controller_is_let_in_from_where_the_site_has_it(
    source: str, places: dict[str, str], wanted: list[tuple[str, str]]
) -> None:
    peer = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}"
    peers = f"{peer % source}, {peer % 'ward'}"
    known = cluster(PODS % (RIGHT | {"source": peers}) + ENTRANCE)

    assert found(replace(known, places=places)) == wanted


def test_addresses_that_a_policy_tells_are_those_of_the_host() -> None:
    wrong = {"endpoint": "https://s3.example.org", "peer": "{ipBlock: {cidr: 192.0.2.0/28}}", "port": "{port: 443}"}
    text = PODS % (RIGHT | wrong)

    def told(addresses: str) -> list[tuple[str, str]]:
        name = "metadata: {name: stage, annotations: {medpattern.io/addresses: '%s'}}\nspec:\n  podSelector"
        return found(cluster(text.replace("metadata: {name: stage}\nspec:\n  podSelector", name % addresses)))

    assert told("s3.example.org 192.0.2.4/32") == []
    assert told("s3.example.org 2001:db8::/64 192.0.2.4/32") == []
    assert told("other.example.org 198.51.100.1/32") == []
    assert told("s3.example.org 198.51.100.1/32") == [OUT]


CLOSED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny}
spec: {podSelector: {%s}, policyTypes: [%s]}
"""


@pytest.mark.parametrize(
    ("selector", "types", "namespace", "kind", "wanted"),
    [
        ("", "Egress", "ward", ("apps", "Deployment"), ["unseen-pods"]),
        ("", "Egress", "ward", ("kafka.strimzi.io", "Kafka"), ["unseen-pods"]),
        ("", "Egress", "ward", ("", "ConfigMap"), []),
        ("", "Egress", "other", ("apps", "Deployment"), []),
        ("", "Ingress", "ward", ("apps", "Deployment"), []),
        ("matchLabels: {app: a}", "Egress", "ward", ("apps", "Deployment"), []),
    ],
)
def test_closing_a_namespace_with_pods_that_nobody_can_see_is_told(
    selector: str, types: str, namespace: str, kind: tuple[str, str], wanted: list[str]
) -> None:
    hidden = Unseen(namespace, frozenset({kind}))

    assert [code for code, _ in found(cluster(CLOSED % (selector, types), unseen=[hidden]))] == wanted
