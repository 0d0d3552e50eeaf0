"""The synthetic fleet as plain data: applications, groups and clusters, with no file format in it.

Everything is computed from positions, without randomness, so that two runs work on the same fleet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.benchmarks import sources

Values: TypeAlias = dict[str, Any]

NAMES = (
    "viewer", "worklist", "router", "portal", "archive", "retention",
    "reporting", "scheduler", "notifier", "gateway", "registry", "audit",
)  # fmt: skip
FLAVOURS = (sources.WEB, sources.WEB, sources.WEB, sources.WEB, sources.STATEFUL, sources.BATCH)
LOGGING = "rootLogger.level = INFO\nrootLogger.appenderRef.console.ref = console\nlogger.http.level = WARN"


@dataclass(frozen=True)
class Application:
    """One application: its templates (file stem -> source text) and its default values."""

    name: str
    templates: Mapping[str, str]
    defaults: Values


@dataclass(frozen=True)
class Group:
    """Clusters that share a distribution and a layer of values (application -> values)."""

    name: str
    facts: Mapping[str, str]
    values: Mapping[str, Values]


@dataclass(frozen=True)
class Cluster:
    """One cluster: its group, its domain and what it alone sets (application -> values)."""

    name: str
    group: Group
    domain: str
    values: Mapping[str, Values]


@dataclass(frozen=True)
class Fleet:
    """All that is rendered; `manifests` is the number of objects in every application."""

    applications: tuple[Application, ...]
    groups: tuple[Group, ...]
    clusters: tuple[Cluster, ...]
    manifests: int

    @property
    def objects(self) -> int:
        """Number of Kubernetes objects that the fleet's charts make."""
        return len(self.clusters) * len(self.applications) * self.manifests


def build(clusters: int, applications: int, manifests: int) -> Fleet:
    """A fleet of that many clusters, applications a cluster, and manifests an application."""
    if not 1 <= manifests <= sources.MAX_MANIFESTS:
        raise ValueError(f"manifests must be 1 to {sources.MAX_MANIFESTS}, not {manifests}")
    apps = tuple(_application(number, manifests) for number in range(applications))
    groups = (_hospitals(apps), _clinics(apps))
    return Fleet(apps, groups, tuple(_cluster(n, groups[n % 2], apps) for n in range(clusters)), manifests)


def merged(*layers: Values) -> Values:
    """The layers laid over each other, last wins; maps merge and lists replace."""
    result: Values = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def _application(number: int, manifests: int) -> Application:
    name = NAMES[number] if number < len(NAMES) else f"service-{number:02d}"
    chosen = list(FLAVOURS[number % len(FLAVOURS)].items())[:manifests]
    templates = {stem: text.replace("APP", name) for stem, text in chosen}
    return Application(name, templates, _defaults(name, number))


def _defaults(name: str, number: int) -> Values:
    return {
        "replicas": 1 + number % 3,
        "schedule": f"{number % 60} 3 * * *",
        "host": f"{name}.example.org",
        "logLevel": "info",
        "terminationGracePeriodSeconds": 30,
        "image": {
            "registry": "quay.io",
            "repository": f"imaging/{name}",
            "tag": f"1.{number}.0",
            "digest": "",
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "probe": {"periodSeconds": 10, "timeoutSeconds": 30},
        "tls": {"enabled": True, "minVersion": "1.3"},
        "podAnnotations": {"imaging.example.org/team": "radiology", "sidecar.istio.io/inject": "false"},
        "ports": [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}],
        "env": [
            {"name": "APP_MODE", "value": "production"},
            {"name": "APP_WORKERS", "value": "4"},
            {"name": "APP_QUEUE", "value": f"{name}-events"},
        ],
        "storage": {
            "host": "s3.storage.svc",
            "port": 443,
            "bucket": f"{name}-images",
            "region": "us-east-1",
            "retentionDays": 30 + number,
        },
        "secrets": {
            "store": "vault",
            "refreshInterval": "1h",
            "entries": [
                {"name": "username", "property": "user"},
                {"name": "password", "property": "password"},
                {"name": "hmac-key", "property": "hmac"},
            ],
        },
        "peers": [
            {"name": "kafka", "namespace": "kafka", "port": 9093},
            {"name": "results-db", "namespace": "database", "port": 5432},
        ],
        "logging": LOGGING,
    }


def _hospitals(apps: tuple[Application, ...]) -> Group:
    facts = {"distribution": "openshift", "platform": "AWS", "version": "4.20"}
    values = {
        app.name: {"replicas": 3, "resources": {"limits": {"cpu": "2"}}, "storage": {"retentionDays": 365}}
        for app in apps
    }
    return Group("hospital", facts, values)


def _clinics(apps: tuple[Application, ...]) -> Group:
    facts = {"distribution": "kubernetes", "platform": "None", "version": "1.34"}
    values: dict[str, Values] = {}
    for number, app in enumerate(apps):
        values[app.name] = {"logLevel": "warn", "storage": {"host": "rook-ceph-rgw.rook.svc"}}
        if number % 3 == 0:
            values[app.name]["tls"] = {"enabled": False}
        if number % 4 == 1:
            values[app.name]["env"] = [*app.defaults["env"], {"name": "APP_SITE", "value": "clinic"}]
    return Group("clinic", facts, values)


def _cluster(number: int, group: Group, apps: tuple[Application, ...]) -> Cluster:
    name = f"{group.name}-{number:04d}"
    domain = f"{name}.example.org"
    values: dict[str, Values] = {}
    for index, app in enumerate(apps):
        own: Values = {"replicas": 1 + (number + index) % 5, "host": f"{app.name}.apps.{domain}"}
        if (number + index) % 3 == 0:
            own["resources"] = {"limits": {"memory": f"{512 + 64 * (number % 8)}Mi"}}
        if (number + index) % 4 == 0:
            own["image"] = {"tag": f"1.{index}.{1 + number % 5}"}
        values[app.name] = own
    if number % 8 == 3:  # every eighth cluster has one application of another structure
        app = apps[number % len(apps)]
        extra = {"name": "pacs", "namespace": f"pacs-{number % 3}", "port": 104}
        values[app.name]["peers"] = [*app.defaults["peers"], extra]
    return Cluster(name, group, domain, values)
