"""What runs on OpenShift and not here, played on a real API server: its lifecycle manager, and OpenShift GitOps.

Both act only where they are told to, and write what the real ones write: github.com/operator-framework/api
(pkg/operators/v1alpha1) and github.com/argoproj-labs/argocd-operator v0.18.0 (controllers/argocd).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.live.servers.api import Api, Object
from tests.live.servers.definitions import definition_files
from tests.live.servers.template import install

DEFINITIONS = Path(__file__).parents[1] / "openshift"
OLM = "operators.coreos.com/v1alpha1"
MERGE = "application/merge-patch+json"
PART = {"app.kubernetes.io/part-of": "argocd"}


def definitions() -> list[Path]:
    """The kinds of an OpenShift to which no operator is subscribed: of lifecycle manager, router and settings."""
    groups = ["operators.coreos.com", "route.openshift.io"]
    return [*definition_files("openshift", groups), *sorted(DEFINITIONS.glob("*.yaml"))]


class _Player:
    def __init__(self, api: Api) -> None:
        self.api = api

    def make(self, api_version: str, kind: str, name: str, namespace: str = "", **content: Any) -> Object:
        """Apply an object; its status is written apart, as the server wants it."""
        metadata = {"name": name, **content.pop("metadata", {})}
        status = content.pop("status", None)
        resource = self.api.resource(api_version, kind)
        thing = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
        made: Object = self.api.must(self.api.apply(resource, namespace, thing, {"fieldManager": "olm"}))
        if status is not None:
            self.patch(f"{resource.of(namespace)}/{name}/status", {"status": status})
        return made

    def patch(self, path: str, change: Object) -> None:
        """A merge patch."""
        self.api.must(self.api.ask("PATCH", path, change, content_type=MERGE))


class Olm(_Player):
    """The lifecycle manager."""

    def subscription(self, namespace: str, name: str) -> Object:
        """A Subscription; {} if there is none."""
        answer = self.api.ask("GET", self._path(namespace, name))
        return {} if answer.status == 404 else dict(self.api.must(answer))

    def say(self, namespace: str, name: str, *conditions: Object, **status: Any) -> None:
        """Write a Subscription's status; conditions that are not named are gone."""
        rows = [{"status": "True", **one} for one in conditions]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.patch(f"{self._path(namespace, name)}/status",
                   {"status": {"conditions": rows, "lastUpdated": now, **status}})  # fmt: skip

    def plan(self, namespace: str, name: str, version: str) -> str:
        """An InstallPlan that waits for its approval, since the Subscription says Manual; its name."""
        live = self.subscription(namespace, name)
        assert live["spec"]["installPlanApproval"] == "Manual"
        plan = f"install-{name}"
        spec = {"approval": "Manual", "approved": False, "clusterServiceVersionNames": [version], "generation": 1}
        status = {"phase": "RequiresApproval", "catalogSources": [live["spec"]["source"]]}
        self.make(OLM, "InstallPlan", plan, namespace, metadata=_owned(live, {}), spec=spec, status=status)
        waits = {"type": "InstallPlanPending", "reason": "RequiresApproval"}
        self.say(namespace, name, waits, state="UpgradePending", currentCSV=version, installPlanRef={"name": plan})
        return plan

    def is_approved(self, namespace: str, plan: str) -> bool:
        """Whether a person has agreed."""
        resource = self.api.resource(OLM, "InstallPlan")
        return bool(self.api.must(self.api.ask("GET", f"{resource.of(namespace)}/{plan}"))["spec"]["approved"])

    def install(self, namespace: str, name: str, version: str, **status: str) -> None:
        """The version in its phase, and the account that it runs as."""
        status = {"phase": "Succeeded", **status}
        spec = {"displayName": name, "install": {"strategy": "deployment", "spec": {"deployments": []}}}
        made = self.make(OLM, "ClusterServiceVersion", version, namespace, spec=spec, status=status)
        self.make("v1", "ServiceAccount", f"{name}-operator", namespace, metadata=_owned(made, {}))
        self.say(namespace, name, state="AtLatestKnown", currentCSV=version, installedCSV=version)
        live = self.subscription(namespace, name)
        key = f"operators.coreos.com/{live['spec']['name']}.{namespace}"
        self.patch(self._path(namespace, name), {"metadata": {"labels": {key: ""}}})

    def copy(self, version: str, home: str, *namespaces: str) -> None:
        """The copies of a version in the namespaces that an operator of all namespaces serves."""
        spec = {"displayName": version, "install": {"strategy": "deployment", "spec": {"deployments": []}}}
        for namespace in namespaces:
            metadata = {"labels": {"olm.copiedFrom": home}}
            self.make(OLM, "ClusterServiceVersion", version, namespace, metadata=metadata, spec=spec)

    def _path(self, namespace: str, name: str) -> str:
        return f"{self.api.resource(OLM, 'Subscription').of(namespace)}/{name}"


class GitOpsOperator(_Player):
    """The operator of OpenShift GitOps, whose Argo CD is called like its namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(api)
        self.namespace = namespace

    def bring_kinds(self) -> None:
        """The definitions that come with its version."""
        install(self.api, definition_files("openshift", ["argoproj.io"]))

    def make_instance(self, phase: str) -> None:
        """The Argo CD that it makes by itself, without pods, and how far it is."""
        self.api.__dict__.pop("_resources", None)  # some came with the operator
        self.make("argoproj.io/v1beta1", "ArgoCD", self.namespace, self.namespace, spec={}, status={"phase": phase})

    def make_controller(self) -> None:
        """What runs the application controller; with no replicas, since its process runs beside the cluster."""
        labels = {"app.kubernetes.io/name": "controller"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "controller", "image": "none"}]}}
        spec = {"replicas": 0, "serviceName": "controller", "selector": {"matchLabels": labels}, "template": pod}
        metadata = _owned(self.instance(), {"labels": PART})
        name = f"{self.namespace}-application-controller"
        self.make("apps/v1", "StatefulSet", name, self.namespace, metadata=metadata, spec=spec)

    def instance(self) -> Object:
        """The resource ArgoCD as it is."""
        resource = self.api.resource("argoproj.io/v1beta1", "ArgoCD")
        found: Object = self.api.must(self.api.ask("GET", f"{resource.of(self.namespace)}/{self.namespace}"))
        return found

    def reconcile(self) -> None:
        """Write argocd-cm from the resource ArgoCD: all of its data, as the operator does."""
        live = self.instance()
        spec = live["spec"]
        data = {"application.resourceTrackingMethod": "annotation", "admin.enabled": "true"}
        for one in spec.get("resourceHealthChecks") or ():
            kind = "_".join(filter(None, (one.get("group"), one["kind"])))
            data[f"resource.customizations.health.{kind}"] = one["check"]
        data |= spec.get("extraConfig") or {}
        metadata = {**_owned(live, {"labels": PART}), "name": "argocd-cm"}
        thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        path = f"{self.api.resource('v1', 'ConfigMap').of(self.namespace)}/argocd-cm"
        self.api.must(self.api.ask("PUT", path, thing))


def _owned(owner: Object, metadata: Object) -> Object:
    """Metadata of what goes with its owner."""
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
    return {**metadata, "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}]}
