"""Doors without a login."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.access import BINDINGS
from medpattern.checks.policy.pods import PODS, Container, pod_of
from medpattern.checks.policy.reading import is_true, items_at, map_at, texts, word
from medpattern.checks.rules import Breach, Platform, Rule

_GRAFANA = frozenset({("grafana.integreatly.org", "Grafana")})
_ARGOCD = frozenset({("argoproj.io", "ArgoCD")})
_KAFKA = frozenset({("kafka.strimzi.io", "Kafka")})
_NOBODY = frozenset({"system:anonymous", "system:unauthenticated"})
_INI = re.compile(r"^\[auth\.anonymous\]\s*\n(?:(?!\[).*\n)*?\s*enabled\s*=\s*true", re.MULTILINE | re.IGNORECASE)
_KAFKA_UI = re.compile(r"(^|/)(kafka-ui|kafbat-ui|akhq|kafdrop)([:@]|$)")
_PROXY = re.compile(r"(^|/)(oauth2?-proxy|ose-oauth-proxy[\w-]*|kube-rbac-proxy)([:@]|$)")
_CURE = "require a login, through OIDC for people"


def anonymous_grafana(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Grafana resources that show dashboards to everybody."""
    section = map_at(manifest.data, "spec", "config", "auth.anonymous")
    if is_true(section.get("enabled")):
        yield Breach(("spec", "config", "auth.anonymous", "enabled"), "everybody may see the dashboards", _CURE)


def anonymous_settings(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """The switches of Grafana and Argo CD for visitors without a name, in environments and configuration files."""
    for text in texts(manifest):
        if text.name in ("GF_AUTH_ANONYMOUS_ENABLED", "users.anonymous.enabled") and is_true(text.text):
            yield Breach(text.path, f"{text.name}: visitors need no login", _CURE)
        elif "[auth.anonymous]" in text.text and _INI.search(text.text):
            yield Breach(text.path, "[auth.anonymous] is enabled: visitors need no login", _CURE)


def anonymous_argocd(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Argo CD of OpenShift GitOps that answers everybody."""
    if map_at(manifest.data, "spec").get("usersAnonymousEnabled") is True:
        yield Breach(("spec", "usersAnonymousEnabled"), "everybody may use Argo CD", _CURE)


def anonymous_bindings(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Rights for requests that do not say who makes them."""
    for path, subject in items_at(manifest.data, "subjects"):
        if subject.get("name") in _NOBODY:
            message = f"'{subject['name']}' is everybody who reaches the API server"
            yield Breach((*path, "name"), message, "name the users, groups or ServiceAccounts that need it")


def anonymous_listeners(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Kafka listeners whose clients need not say who they are, and clusters where that decides nothing."""
    for path, listener in items_at(manifest.data, "spec", "kafka", "listeners"):
        if not map_at(listener, "authentication").get("type"):
            message = f"listener '{listener.get('name', '')}' has no authentication: whoever reaches it may connect"
            yield Breach(path, message, "set authentication.type to scram-sha-512 or tls")
    kafka = map_at(manifest.data, "spec", "kafka")
    if kafka and not map_at(kafka, "authorization").get("type"):
        message = "no authorization: every user may read and write every topic"
        yield Breach(("spec", "kafka"), message, "set authorization.type to simple; KafkaUsers then have their ACLs")


def open_consoles(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Web consoles of Kafka without a login of their own or a proxy in the pod that asks for one."""
    pod = pod_of(manifest)
    containers = list(pod.containers) if pod else []
    if any(_PROXY.search(_image(container)) for container in containers):
        return
    for container in containers:
        if _KAFKA_UI.search(_image(container)) and not _asks_for_login(container):
            message = f"container '{container.name}' shows Kafka's records to everybody who reaches it"
            yield Breach(
                container.path, message, "set AUTH_TYPE (OAUTH2 or LDAP), or put a proxy with a login before it"
            )


def _image(container: Container) -> str:
    return word(container.spec.get("image"))


def _asks_for_login(container: Container) -> bool:
    """Also where the setting may stand in a file or ConfigMap that the object only names."""
    env = container.env
    if "AUTH_TYPE" in env:
        return word(env["AUTH_TYPE"]).upper() != "DISABLED"
    elsewhere = any(name.startswith(("SPRING_CONFIG", "MICRONAUT_CONFIG")) for name in env)
    return elsewhere or bool(container.spec.get("envFrom"))


RULES = (
    Rule("anonymous-login", anonymous_grafana, _GRAFANA),
    Rule("anonymous-login", anonymous_settings),
    Rule("anonymous-login", anonymous_argocd, _ARGOCD),
    Rule("anonymous-login", anonymous_bindings, BINDINGS),
    Rule("anonymous-login", anonymous_listeners, _KAFKA),
    Rule("anonymous-login", open_consoles, PODS),
)
