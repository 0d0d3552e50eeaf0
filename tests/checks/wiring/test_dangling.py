"""References that lead nowhere, and those of which nobody can say."""

from __future__ import annotations

import pytest

from medpattern.checks.manifests import Unseen
from tests.checks.wiring.clusters import cluster, found, only

SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {identity: x}}"
POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: stage}
spec:
  template:
    metadata: {labels: {app: stage}}
    spec:
      containers:
        - name: stage
          ports: [{name: web, containerPort: 8080}]
          env: [{name: MEDPATTERN_IDENTITY_KEY_FILE, value: /etc/keys/%(key)s}]
          volumeMounts: [{name: keys, mountPath: %(mount)s}]
      volumes: [{name: keys, secret: {secretName: %(secret)s%(optional)s}}]
"""
RIGHT = {"key": "identity", "mount": "/etc/keys", "secret": "keys", "optional": ""}


def stage(**wrong: str) -> str:
    return POD % (RIGHT | wrong) + "---\n" + SECRET


def test_a_file_of_a_mounted_secret_is_right() -> None:
    assert found(cluster(stage())) == []


def test_a_misspelt_name_is_told_with_the_near_one() -> None:
    finding = only(cluster(stage(secret="kyes")))

    assert finding.code == "dangling-reference"
    assert finding.place.file == "Deployment/stage:spec.template.spec.volumes[0].secret"
    assert "Secret kyes in ward" in finding.message
    assert finding.cure == "did you mean 'keys'?"
    assert (finding.clusters, finding.app) == (("hospital",), "app")


def test_a_key_that_nobody_writes_is_told_where_it_is_read() -> None:
    finding = only(cluster(stage(key="identiy")))

    assert finding.code == "unwritten-key"
    assert finding.place.file == "Deployment/stage:spec.template.spec.containers[0].env[0].value"
    assert finding.cure == "did you mean 'identity'?"


def test_a_file_that_no_volume_brings() -> None:
    assert found(cluster(stage(mount="/etc/key"))) == [
        ("unmounted-file", "Deployment/stage:spec.template.spec.containers[0].env[0].value")
    ]


def test_an_optional_secret_need_not_be_there() -> None:
    assert found(cluster(stage(secret="other", optional=", optional: true"))) == []


@pytest.mark.parametrize("given", ["Secret/ward/kyes", "Secret/kyes", "Secret/ward/*"])
def test_what_the_site_brings_is_no_finding(given: str) -> None:
    assert found(cluster(stage(secret="kyes"), given=[given])) == []


def test_what_the_site_brings_elsewhere_is_one() -> None:
    assert found(cluster(stage(secret="kyes"), given=["Secret/other/kyes"])) != []


def test_what_an_unseen_chart_of_the_namespace_may_make_is_not_judged() -> None:
    hidden = Unseen("ward", frozenset({("", "Secret")}))
    elsewhere = Unseen("other", frozenset({("", "Secret")}))

    assert found(cluster(stage(secret="kyes"), unseen=[hidden])) == []
    assert found(cluster(stage(secret="kyes"), unseen=[elsewhere])) != []


def test_an_unseen_chart_may_make_what_its_kinds_bring_about() -> None:
    hidden = Unseen("ward", frozenset({("postgresql.cnpg.io", "Cluster")}))

    assert found(cluster(stage(secret="results-app"), unseen=[hidden])) == []


def test_what_an_object_of_an_unknown_kind_may_bring_about_is_not_judged() -> None:
    strange = "\n---\n{apiVersion: example.org/v1, kind: Vault, metadata: {name: a, namespace: %s}}"
    known = "\n---\n{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: a}}"

    assert found(cluster(stage(secret="kyes") + strange % "ward")) == []
    assert found(cluster(stage(secret="kyes") + strange % "other")) != []
    assert found(cluster(stage(secret="kyes") + known)) != []


def test_platform_namespaces_are_not_judged_unless_they_are_declared() -> None:
    binding = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: read}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: prometheus, namespace: openshift-monitoring}]
"""
    declared = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: openshift-monitoring}}"

    assert found(cluster(binding)) == []
    assert [code for code, _ in found(cluster(binding + declared))] == ["dangling-reference"]


def test_a_binding_without_its_role() -> None:
    finding = only(
        cluster("""
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: read}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: raed}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: read}
""")
    )

    assert finding.code == "dangling-reference"
    assert finding.cure == "did you mean 'read'?"


@pytest.mark.parametrize(
    ("kind", "more", "key", "wanted"),
    [
        ("Secret", "type: kubernetes.io/service-account-token", "token", []),
        ("Secret", "type: Opaque", "token", ["unwritten-key"]),
        ("ConfigMap", "", "service-ca.crt", ["unwritten-key"]),
    ],
)
def test_what_kubernetes_fills_in_is_there(kind: str, more: str, key: str, wanted: list[str]) -> None:
    word = {"Secret": "secret: {secretName: filled}", "ConfigMap": "configMap: {name: filled}"}[kind]
    text = f"""
{{apiVersion: v1, kind: {kind}, metadata: {{name: filled}}, {more}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: a}}
spec:
  containers: [{{name: a, env: [{{name: FILE, value: /in/{key}}}], volumeMounts: [{{name: in, mountPath: /in}}]}}]
  volumes: [{{name: in, {word}}}]
"""

    assert [code for code, _ in found(cluster(text))] == wanted


def test_openshift_puts_its_ca_into_a_config_map_that_asks_for_it() -> None:
    text = """
apiVersion: v1
kind: ConfigMap
metadata: {name: ca, annotations: {service.beta.openshift.io/inject-cabundle: "true"}}
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers: [{name: a}]
  volumes: [{name: ca, configMap: {name: ca, items: [{key: %s, path: ca.crt}]}}]
"""

    assert found(cluster(text % "service-ca.crt")) == []
    assert [code for code, _ in found(cluster(text % "ca.crt"))] == ["unwritten-key"]


# ---- ports and selectors -----------------------------------------------------------------------------------------

SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {name: stage, labels: {app: stage}}
spec:
  selector: {app: %(app)s}
  ports: [{name: http, port: 80, targetPort: %(target)s}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: stage}
spec:
  selector: {matchLabels: {app: stage}}
  endpoints: [{port: %(monitored)s}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {S3_ENDPOINT: "http://stage.ward.svc:%(asked)s"}
"""
PORTS = {"app": "stage", "target": "web", "monitored": "http", "asked": "80"}


def served(**wrong: str) -> str:
    return stage() + SERVICE % (PORTS | wrong)


def test_a_service_that_leads_to_a_named_port_is_right() -> None:
    assert found(cluster(served())) == []
    assert found(cluster(served(target="8080"))) == []


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"target": "wbe"}, "Service/stage:spec.ports[0].targetPort"),
        ({"target": "8081"}, "Service/stage:spec.ports[0].targetPort"),
        ({"monitored": "metrics"}, "ServiceMonitor/stage:spec.endpoints[0].port"),
        ({"asked": "8080"}, "ConfigMap/settings:data.S3_ENDPOINT"),
    ],
)
def test_ports_where_no_one_listens(wrong: dict[str, str], place: str) -> None:
    assert found(cluster(served(**wrong))) == [("dead-port", place)]


def test_a_service_that_selects_no_pods() -> None:
    finding = only(cluster(served(app="stagee")))

    assert (finding.code, finding.place.file) == ("selects-nothing", "Service/stage:spec.selector")
    assert finding.cure == "did you mean 'app=stage'?"


def test_pods_that_may_come_from_an_unseen_chart_are_not_missed() -> None:
    hidden = Unseen("ward", frozenset({("apps", "Deployment")}))

    assert found(cluster(served(app="other"), unseen=[hidden])) == []


def test_a_container_that_names_no_port_may_listen_on_any() -> None:
    text = served(target="9999").replace("ports: [{name: web, containerPort: 8080}]", "")

    assert found(cluster(text)) == []


# ---- Secrets that copy Secrets -----------------------------------------------------------------------------------

COPY = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: source, namespace: broker, labels: {strimzi.io/cluster: kafka}}
spec: {authentication: {type: scram-sha-512}}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: kafka, namespace: broker}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: read, namespace: broker}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get], resourceNames: [%(allowed)s]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: read, namespace: broker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: read}
subjects: [{kind: ServiceAccount, name: reader, namespace: ward}]
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: broker}
spec:
  provider:
    kubernetes:
      remoteNamespace: broker
      server: {caProvider: {type: ConfigMap, name: kube-root-ca.crt, key: %(ca)s}}
      auth: {serviceAccount: {name: reader}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: source}
spec:
  secretStoreRef: {name: %(store)s}
  target: {name: source-kafka}
  data: [{secretKey: password, remoteRef: {key: source, property: %(property)s}}]
"""
COPIED = {"allowed": "source", "ca": "ca.crt", "store": "broker", "property": "password"}


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({}, []),
        ({"property": "pasword"}, [("unwritten-key", "ExternalSecret/source:spec.data[0]")]),
        ({"store": "brokr"}, [("dangling-reference", "ExternalSecret/source:spec.secretStoreRef")]),
        ({"allowed": "other"}, [("missing-right", "ExternalSecret/source:spec.data[0]")]),
        ({"ca": "ca"}, [("unwritten-key", "SecretStore/broker:spec.provider.kubernetes.server.caProvider")]),
    ],
    ids=["right", "no such key", "no such store", "no right", "no such key of the CA"],
)
def test_a_secret_copied_from_another_namespace(wrong: dict[str, str], wanted: list[tuple[str, str]]) -> None:
    assert found(cluster(COPY % (COPIED | wrong))) == wanted


def test_a_template_replaces_what_was_fetched_unless_it_merges() -> None:
    text = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: keys}
spec:
  target: {template: {%s data: {url: x}}}
  data: [{secretKey: identity, remoteRef: {key: keys}}]
---
"""

    assert [code for code, _ in found(cluster(text % "" + POD % RIGHT))] == ["unwritten-key"]
    assert found(cluster(text % "mergePolicy: Merge," + POD % RIGHT)) == []


def test_dashboards_show_datasources_that_are_there() -> None:
    text = """
apiVersion: grafana.integreatly.org/v1beta1
kind: Grafana
metadata: {name: grafana, labels: {dashboards: ours}}
---
apiVersion: grafana.integreatly.org/v1beta1
kind: GrafanaDatasource
metadata: {name: prometheus}
spec: {uid: prometheus, instanceSelector: {matchLabels: {dashboards: %s}}}
---
apiVersion: grafana.integreatly.org/v1beta1
kind: GrafanaDashboard
metadata: {name: chain}
spec:
  instanceSelector: {matchLabels: {dashboards: ours}}
  json: |
    {"panels": [{"datasource": {"uid": "%s"}}, {"datasource": {"uid": "${own}"}}, {"datasource": {"uid": "grafana"}}]}
"""

    assert found(cluster(text % ("ours", "prometheus"))) == []
    assert found(cluster(text % ("theirs", "prometheus"))) == [
        ("selects-nothing", "GrafanaDatasource/prometheus:spec.instanceSelector")
    ]
    finding = only(cluster(text % ("ours", "promtheus")))
    assert (finding.code, finding.place.file) == ("dangling-reference", "GrafanaDashboard/chain:spec.json")
    assert finding.cure == "did you mean 'prometheus'?"
