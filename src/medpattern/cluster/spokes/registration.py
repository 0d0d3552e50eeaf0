"""What the hub's Argo CD is given to reach a spoke: the cluster's Secret, and that it respects its rights there.

https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from medpattern.argocd.names import CLUSTER_LABEL, SECRET_TYPE
from medpattern.cluster.bootstrap.engine import SETTINGS
from medpattern.cluster.connection import SPOKES_MANAGER, Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.secretstore.hidden import Hidden

MANAGER = SPOKES_MANAGER
RESPECT_KEY, STRICT = "resource.respectRBAC", "strict"
CLUSTER = "cluster"
# Argo CD reads the cluster anew once it is later than the last time.
REFRESH = "argocd.argoproj.io/refresh"
RIGHTS, IDENTITY = "medpattern.io/rights", "medpattern.io/cluster-id"
_ARGOCD = "argoproj.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Registration:
    """A spoke as the hub's Argo CD knows it.

    Attributes:
        name: of the cluster, by which Applications name it.
        server: the URL of its API server.
        authority: the PEM certificates that its server is checked by; b"" for those of the system.
        server_name: what its certificate is for, where that is not the host of the URL; "" where it is.
        namespaces: those that Argo CD looks into.
        digest: changes with the rights and with the kinds that the server knows.
        identity: the uid of its namespace kube-system.
        token: the login.
    """

    name: str
    server: str
    authority: bytes
    server_name: str
    namespaces: tuple[str, ...]
    digest: str
    identity: str
    token: Hidden


def secret_name(cluster: str) -> str:
    """The name of a cluster's Secret."""
    return f"medpattern-cluster-{cluster}"


def secret(wanted: Registration, namespace: str, live: Object | None) -> Object:
    """The cluster's Secret; where nothing has changed since `live`, Argo CD is not asked to look anew."""
    tls: dict[str, Any] = {"insecure": False}
    tls |= {"caData": base64.b64encode(wanted.authority).decode()} if wanted.authority else {}
    tls |= {"serverName": wanted.server_name} if wanted.server_name else {}
    data = {
        "name": wanted.name,
        "server": wanted.server,
        "namespaces": ",".join(wanted.namespaces),
        "clusterResources": "true",
        "config": json.dumps({"bearerToken": wanted.token.text(), "tlsClientConfig": tls}),
    }
    labels = {SECRET_TYPE: CLUSTER, CLUSTER_LABEL: wanted.name, "app.kubernetes.io/managed-by": "medpattern"}
    said = ((live or {}).get("metadata") or {}).get("annotations") or {}
    asked = said.get(REFRESH, "") if said.get(RIGHTS) == wanted.digest else _now()
    notes = {RIGHTS: wanted.digest, IDENTITY: wanted.identity, **({REFRESH: asked} if asked else {})}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(wanted.name), "namespace": namespace, "labels": labels, "annotations": notes},
        "type": "Opaque",
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(*parts: object) -> str:
    """Names a state of rights and kinds."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def field(live: Object | None, name: str) -> str:
    """One of the readable fields of a cluster's Secret; "" if there is none."""
    text = ((live or {}).get("data") or {}).get(name)
    return base64.b64decode(text).decode("utf-8", "replace") if text else ""


def token(live: Object | None) -> Hidden | None:
    """The login in a cluster's Secret; None without one."""
    try:
        found = json.loads(field(live, "config")).get("bearerToken")
    except (ValueError, AttributeError):
        return None
    return Hidden(str(found)) if found else None


def others(hub: Connection, namespace: str, name: str, server: str) -> list[str]:
    """Secrets of somebody else by which Argo CD knows the same cluster, or another of the same name."""
    found = hub.list("v1", "Secret", namespace, f"{SECRET_TYPE}={CLUSTER}")
    return [
        str(one["metadata"]["name"])
        for one in found
        if one["metadata"]["name"] != secret_name(name)
        and (field(one, "name") == name or field(one, "server").rstrip("/") == server.rstrip("/"))
    ]


def spokes(hub: Connection, namespace: str) -> list[str]:
    """The names of the clusters that medpattern has added."""
    selector = f"{SECRET_TYPE}={CLUSTER},app.kubernetes.io/managed-by=medpattern"
    return [field(one, "name") for one in hub.list("v1", "Secret", namespace, selector)]


def settings(hub: Connection, namespace: str, *, is_openshift: bool) -> Object | None:
    """What has the settings of Argo CD: argocd-cm, or on OpenShift the resource ArgoCD; None where neither is."""
    if not is_openshift:
        return hub.get("v1", "ConfigMap", SETTINGS, namespace)
    try:
        found = hub.list(_ARGOCD, "ArgoCD", namespace)
    except UnknownKindError:
        return None
    return found[0] if found else None


def respected(live: Object) -> str:
    """How Argo CD respects its rights: "strict", "normal", or "" for not at all."""
    if live["kind"] == "ConfigMap":
        return str((live.get("data") or {}).get(RESPECT_KEY) or "")
    return str(((live.get("spec") or {}).get("controller") or {}).get("respectRBAC") or "")


def respect(live: Object) -> Object:
    """What makes Argo CD ask for its rights."""
    if live["kind"] == "ConfigMap":
        return {**_bare(live), "data": {RESPECT_KEY: STRICT}}
    return {**_bare(live), "spec": {"controller": {"respectRBAC": STRICT}}}


def respect_no_more(live: Object) -> Object | None:
    """What takes that back; None where somebody else has set it."""
    ours: Iterable[Mapping[str, Any]] = live["metadata"].get("managedFields") or ()
    return _bare(live) if any(one.get("manager") == MANAGER for one in ours) else None


def _bare(live: Object) -> Object:
    metadata = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata}


def state(live: Object | None) -> tuple[str, str, str]:
    """(digest, server, namespaces) of a cluster's Secret; empty without one."""
    notes = ((live or {}).get("metadata") or {}).get("annotations") or {}
    return str(notes.get(RIGHTS, "")), field(live, "server"), field(live, "namespaces")


def with_token(live: Object, new: Hidden) -> Object:
    """The Secret as it is, with another token."""
    config = {**json.loads(field(live, "config")), "bearerToken": new.text()}
    data = {**live["data"], "config": base64.b64encode(json.dumps(config).encode()).decode()}
    metadata = {key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": live.get("type"), "data": data}
