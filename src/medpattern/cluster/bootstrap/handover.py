"""What is given to Argo CD once it is there: its health check, namespaces, a login, the root's project and the root."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, TypeVar

from medpattern.argocd.names import ROOT_PROJECT, SECRET_TYPE
from medpattern.argocd.webhook import PART_OF
from medpattern.cluster.bootstrap.checkout import Login
from medpattern.cluster.bootstrap.engine import SETTINGS, space
from medpattern.cluster.bootstrap.olm import Pending
from medpattern.cluster.connection import Connection, Object
from medpattern.secretstore.hidden import Hidden

HEALTH_KEY = "resource.customizations.health.argoproj.io_Application"
HEALTH_FILE = "argoproj.io_Application.lua"
REPOSITORY_TYPES = ("repository", "repo-creds")
LOGIN_KEYS = ("username", "password", "sshPrivateKey")
Held = TypeVar("Held")


def health_check_text() -> str:
    """The Lua text that says when an Application is healthy: that of the chart gitops."""
    from medpattern.charts.files import builtin_folder

    return (builtin_folder() / "charts" / "gitops" / "files" / HEALTH_FILE).read_text("utf-8")


def health_check(connection: Connection, namespace: str, *, is_openshift: bool) -> Object | None:
    """What adds the health check of Applications; None where there is one, whoever wrote it.

    Without it Argo CD does not wait between waves of Applications. The chart gitops takes it over.
    """
    if is_openshift:
        return _in_resource(connection, namespace)
    live = connection.get("v1", "ConfigMap", SETTINGS, namespace) or {}
    if HEALTH_KEY in (live.get("data") or {}):
        return None
    return config_map(namespace)


def config_map(namespace: str) -> Object:
    """The one key of argocd-cm that medpattern owns."""
    # Argo CD reads its settings from ConfigMaps with this label only.
    metadata = {"name": SETTINGS, "namespace": namespace, "labels": dict([PART_OF])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {HEALTH_KEY: health_check_text()}}


def _in_resource(connection: Connection, namespace: str) -> Object | None:
    """The list of health checks is owned as a whole, so those of others are applied with it."""
    live = connection.list("argoproj.io/v1beta1", "ArgoCD", namespace)
    if not live:
        return None
    checks: list[dict[str, Any]] = (live[0].get("spec") or {}).get("resourceHealthChecks") or []
    if any((one.get("group"), one.get("kind")) == ("argoproj.io", "Application") for one in checks):
        return None
    own = {"group": "argoproj.io", "kind": "Application", "check": health_check_text()}
    metadata = {"name": live[0]["metadata"]["name"], "namespace": namespace}
    spec = {"resourceHealthChecks": [*checks, own]}
    return {"apiVersion": "argoproj.io/v1beta1", "kind": "ArgoCD", "metadata": metadata, "spec": spec}


def unwritten_health_check(connection: Connection, namespace: str) -> Pending | None:
    """What OpenShift's operator still has to write of the health check; None where there is no operator either."""
    live = connection.get("v1", "ConfigMap", SETTINGS, namespace) or {}
    if HEALTH_KEY in (live.get("data") or {}) or not connection.list("argoproj.io/v1beta1", "ArgoCD", namespace):
        return None
    words = f"the operator has not written the health check of Applications into {SETTINGS} yet"
    return Pending(words, f"oc -n {namespace} describe argocd says what is in its way")


def namespaces(cluster_objects: Iterable[Object]) -> list[Object]:
    """The namespaces of the tree, known for ours by a label: what git says they carry is the root's, and stays so."""
    names = [one["metadata"]["name"] for one in cluster_objects if one["kind"] == "Namespace"]
    return [space(name) for name in names]


def roots(argocd_objects: Iterable[Object], root: Object) -> list[Object]:
    """The project of roots and then the root: Argo CD refuses an Application whose project is missing."""
    projects = [
        one for one in argocd_objects if one["kind"] == "AppProject" and one["metadata"]["name"] == ROOT_PROJECT
    ]
    return [*projects, root]


def live_login(connection: Connection, namespace: str, url: str) -> Login | None:
    """The login that Argo CD has for a repository already; None without one."""
    data = login_of(
        url,
        (
            (kind, _text(one, "url"), one)
            for kind in REPOSITORY_TYPES
            for one in connection.list("v1", "Secret", namespace, f"{SECRET_TYPE}={kind}")
        ),
    )
    return Login(*(_hidden(data, key) for key in LOGIN_KEYS)) if data else None


def login_of(url: str, logins: Iterable[tuple[str, str, Held]]) -> Held | None:
    """Which login Argo CD uses for a repository: that of its URL, or else that of the longest prefix.

    Args:
        url: of the repository.
        logins: as (one of `REPOSITORY_TYPES`, URL, whatever holds the login).

    Returns:
        What holds it; None where there is none.
    """
    wanted = _compared(url)
    fitting = [
        ((kind == "repository", len(address)), held)
        for kind, address, held in logins
        if address and (_same(address, url) if kind == "repository" else wanted.startswith(_compared(address)))
    ]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


def _same(one: str, other: str) -> bool:
    return _compared(one.rstrip("/")) == _compared(other.rstrip("/"))


def _compared(url: str) -> str:
    """A URL as Argo CD compares it."""
    return url.lower().removesuffix(".git")


def _hidden(secret: Object, key: str) -> Hidden | None:
    text = (secret.get("data") or {}).get(key)
    return Hidden(base64.b64decode(text)) if text else None


def _text(secret: Object, key: str) -> str:
    found = _hidden(secret, key)
    return found.text() if found else ""
