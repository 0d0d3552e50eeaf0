"""A live cluster's facts: what clusters/<name>.yaml says of it, as far as its API tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.documents.writer import dump
from medpattern.errors import RefusalError
from medpattern.fleet.facts import KUBERNETES, OPENSHIFT

CONFIG = "config.openshift.io/v1"
# The scheme of a node's spec.providerID, as the cloud providers' controllers write it.
PROVIDERS = {
    "aws": "AWS",
    "azure": "Azure",
    "gce": "GCP",
    "ibm": "IBMCloud",
    "ibmcloud": "IBMCloud",
    "openstack": "OpenStack",
    "vsphere": "VSphere",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_UNKNOWN = {
    "group": "the group it belongs to, as in values-<group>.yaml; required",
    "platform": "AWS, Azure, GCP, IBMCloud, VSphere, None ...",
    "domain": "the cluster's domain, without apps.",
    "server": "the URL of the API server, as the hub reaches it",
    "clusterId": "the uid of the namespace kube-system",
}

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cluster's API says, each None where there is none or the login may not read it.

    `release` is the answer of /version. `denied` are the kinds that the login may not read.
    """

    server: str
    context: str
    release: Object
    kube_system: Object | None = None
    infrastructure: Object | None = None
    cluster_version: Object | None = None
    ingress: Object | None = None
    dns: Object | None = None
    node: Object | None = None
    argocd_namespaces: tuple[str, ...] = ()
    storage_classes: tuple[Object, ...] = ()
    is_openshift: bool = False
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """The facts in the order of the file, a proposal for the cluster's name, and remarks for people."""

    name: str
    facts: dict[str, Any]
    remarks: tuple[str, ...] = ()


@dataclass
class _Reader:
    """Reads what may be read, and notes what may not."""

    connection: Connection
    denied: list[str] = field(default_factory=list)

    def one(self, api_version: str, kind: str, name: str) -> Object | None:
        found: Object | None = self._try(kind, lambda: self.connection.get(api_version, kind, name))
        return found

    def many(self, api_version: str, kind: str, labels: str = "") -> tuple[Object, ...]:
        return tuple(self._try(kind, lambda: self.connection.list(api_version, kind, labels=labels)) or ())

    def a_node(self) -> Object | None:
        answer = self._try("Node", lambda: self.connection.ask("GET", "/api/v1/nodes", {"limit": "1"}).json())
        return next(iter((answer or {}).get("items") or ()), None)

    def _try(self, kind: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except UnknownKindError:
            return None
        except RefusalError as error:
            if error.status not in (401, 403):
                raise
            self.denied.append(kind)
            return None


def see(connection: Connection) -> Seen:
    """Asks a cluster for all that says something of it; nothing is changed.

    Raises:
        RemoteError: it does not answer, or does not even tell its version.
    """
    release = connection.ask("GET", "/version").json()
    reader = _Reader(connection)
    is_openshift = connection.resources.has(CONFIG, "ClusterVersion")
    marked = "app.kubernetes.io/part-of=argocd"
    settings = reader.many("v1", "ConfigMap", marked)
    return Seen(
        server=connection.server,
        context=connection.context,
        release=release,
        kube_system=reader.one("v1", "Namespace", "kube-system"),
        infrastructure=reader.one(CONFIG, "Infrastructure", "cluster") if is_openshift else None,
        cluster_version=reader.one(CONFIG, "ClusterVersion", "version") if is_openshift else None,
        ingress=reader.one(CONFIG, "Ingress", "cluster") if is_openshift else None,
        dns=reader.one(CONFIG, "DNS", "cluster") if is_openshift else None,
        node=None if is_openshift else reader.a_node(),
        argocd_namespaces=tuple(
            sorted(one["metadata"]["namespace"] for one in settings if one["metadata"]["name"] == "argocd-cm")
        ),
        storage_classes=reader.many("storage.k8s.io/v1", "StorageClass"),
        is_openshift=is_openshift,
        denied=tuple(reader.denied),
    )


def inspection(seen: Seen, group: str = "") -> Inspection:
    """The facts of a cluster; what is not known is left out and never guessed.

    Args:
        seen: what its API says.
        group: the group it is to belong to; "" if that is still to be decided.
    """
    release = _minor(f"{seen.release.get('major', '')}.{seen.release.get('minor', '')}")
    facts: dict[str, Any] = {
        "group": group,
        "distribution": OPENSHIFT if seen.is_openshift else KUBERNETES,
        **(_openshift(seen, release) if seen.is_openshift else {"platform": _platform(seen), "version": release}),
        "server": _server(seen),
        "clusterId": str(((seen.kube_system or {}).get("metadata") or {}).get("uid") or ""),
        "argocd": _argocd(seen),
    }
    return Inspection(_name(seen), {key: value for key, value in facts.items() if value}, tuple(_remarks(seen)))


def text(found: Inspection) -> str:
    """The file clusters/<name>.yaml, with comments on what has to be filled in."""
    missing = [f"# {key}: {words}" for key, words in _UNKNOWN.items() if key not in found.facts]
    remarks = [f"# {words}" for words in found.remarks]
    lines = [f"# Facts of {found.name}, read from the cluster.", *remarks, dump(found.facts).rstrip("\n"), *missing]
    return "\n".join(lines) + "\n"


def _openshift(seen: Seen, release: str) -> dict[str, Any]:
    status = (seen.infrastructure or {}).get("status") or {}
    ingress = (seen.ingress or {}).get("spec") or {}
    apps = str(ingress.get("appsDomain") or ingress.get("domain") or "")
    base = str(((seen.dns or {}).get("spec") or {}).get("baseDomain") or "")
    domain = base or (apps.removeprefix("apps.") if apps.startswith("apps.") else "")
    version = _minor(
        str((((seen.cluster_version or {}).get("status") or {}).get("desired") or {}).get("version") or "")
    )
    return {
        "platform": str((status.get("platformStatus") or {}).get("type") or status.get("platform") or ""),
        "version": version,
        "kubernetesVersion": "" if release == _kubernetes_of(version) else release,
        "domain": domain,
        "appsDomain": "" if apps == f"apps.{domain}" else apps,
    }


def _kubernetes_of(version: str) -> str:
    """Of OpenShift 4.N, as the facts have it unless they say otherwise."""
    major, _, minor = version.partition(".")
    return f"1.{int(minor) + 13}" if major == "4" and minor.isdigit() else ""


def _platform(seen: Seen) -> str:
    provider = str(((seen.node or {}).get("spec") or {}).get("providerID") or "").partition("://")[0]
    return PROVIDERS.get(provider, "")


def _server(seen: Seen) -> str:
    """The URL by which others reach it: OpenShift knows it, else the kubeconfig's unless it is this machine's."""
    known = str(((seen.infrastructure or {}).get("status") or {}).get("apiServerURL") or "")
    url = known or seen.server
    host = re.sub(r"^https://|[:/].*$", "", url)
    return "" if not url.startswith("https://") or host in ("localhost", "127.0.0.1") else url.rstrip("/")


def _argocd(seen: Seen) -> dict[str, str]:
    default = "openshift-gitops" if seen.is_openshift else "argocd"
    named = seen.argocd_namespaces
    return {"namespace": named[0]} if len(named) == 1 and named[0] != default else {}


def _name(seen: Seen) -> str:
    """The infrastructure's name without the installer's five random characters, or the context's, as a DNS label."""
    given = str(((seen.infrastructure or {}).get("status") or {}).get("infrastructureName") or "")
    found = re.sub(r"-[a-z0-9]{5}$", "", given) or seen.context
    return re.sub(r"[^a-z0-9]+", "-", found.lower()).strip("-")[:63] or "cluster"


def _remarks(seen: Seen) -> list[str]:
    said = [f"Kubernetes {seen.release.get('gitVersion', 'of an unknown version')}"]
    identity = ((seen.cluster_version or {}).get("spec") or {}).get("clusterID")
    said += [f"OpenShift's own clusterID is {identity}"] if identity else []
    classes = [one["metadata"]["name"] for one in seen.storage_classes
               if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"]  # fmt: skip
    if "StorageClass" not in seen.denied:
        said.append(f"default StorageClass: {', '.join(classes) or 'none'}")
    if "ConfigMap" not in seen.denied:
        said.append(f"Argo CD: {'in ' + ', '.join(seen.argocd_namespaces) if seen.argocd_namespaces else 'none'}")
    if seen.denied:
        said.append(f"The login may not read: {', '.join(dict.fromkeys(seen.denied))}")
    return said


def _minor(version: str) -> str:
    """4.20 of 4.20.3, and 1.36 of 1.36+."""
    found = re.match(r"(\d+\.\d+)", version)
    return found[1] if found else ""
