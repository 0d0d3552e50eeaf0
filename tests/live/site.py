"""A hub and a spoke of the small fleet on API servers of their own, without Argo CD, and what others do on them.

The hub takes the place of the handbook's hospital-2, which has an Argo CD of its own, the spoke `east` that of its
hospital-1. What pods and operators would do is played: Argo CD's processes run once its installation is there, and
Strimzi says of each topic that it is ready.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.fleet.small import git
from tests.live.handbook import Typist, commands
from tests.live.servers.api import Object
from tests.live.servers.argocd import NAMESPACE, ArgoCD
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.cluster import Cluster
from tests.live.servers.controllers import Controllers
from tests.live.servers.definitions import definition_files
from tests.live.servers.git import GitServer
from tests.live.servers.gitops import APPLICATIONS, MERGE, ROUND_SECONDS
from tests.live.servers.template import install
from tests.live.ward import WARD, Ward
from tests.real.servers.processes import until

CENTRAL, GLOBAL = "values/values-central.yaml", "values/values-global.yaml"
SPACE = f"/api/v1/namespaces/{NAMESPACE}"
INSTALLED = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/argocd-application-controller"
TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
READY = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}
EVERY = ("hub-root", "portal", "east-root", "east-cluster", "east-broker", "east-legend", "east-viewer")
FACTS = {"distribution": "kubernetes", "platform": "None", "version": "1.36", "hub": "hub"}
WHAT_NOBODY_CAN_SEE = {"group": "ward", "domain": "east.example.org", "hub": "hub", "argocd": {"model": "push"}}
# What is for OpenShift alone.
OPENSHIFT = (
    (": {operatorGroup: true, targetNamespaces: []}", ""),
    ("  subscriptions:\n    - name: cert-manager\n      namespace: tools\n      channel: stable-v1\n", ""),
)


class Machines:
    """The machines of one cluster: an API server with an identity of its own, and its controllers."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder / "cluster")
        self.controllers = Controllers(folder, self.cluster)

    def start(self) -> Machines:
        """With the kinds of Strimzi."""
        self.cluster.start()
        install(self.cluster.api, definition_files("kubernetes", ["kafka.strimzi.io"]))
        self.controllers.start()
        return self

    def restart(self, data: Path | None = None) -> None:
        """All of it anew; on other data if they are given."""
        self.controllers.stop()
        self.cluster.stop()
        if data:
            shutil.rmtree(self.cluster.data)
            shutil.copytree(data, self.cluster.data)
        self.cluster.start()
        self.controllers.start()

    def discard(self) -> None:
        """End all at once and remove the files."""
        self.controllers.process.discard()
        self.cluster.discard()

    def get(self, path: str) -> Object:
        """An object; {} if there is none."""
        answer = self.cluster.api.ask("GET", path)
        return {} if answer.status == 404 else dict(self.cluster.api.must(answer))

    def change(self, path: str, patch: object) -> None:
        """A merge patch."""
        self.cluster.api.must(self.cluster.api.ask("PATCH", path, patch, content_type=MERGE))

    @property
    def uid(self) -> str:
        """What a cluster is known by."""
        return str(self.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])


class Site:
    """Hub, spoke, repository, and somebody who types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub, self.spoke = Machines(folder / "hub"), Machines(folder / "spoke")
        self.argocd = ArgoCD(folder / "argocd", self.hub.cluster)
        (folder / "git").mkdir()
        self.git = GitServer(folder / "git")
        self.kubeconfig = folder / "kubeconfig"

    def start(self) -> Site:
        """Everything but Argo CD; the spoke is not in the repository yet."""
        self.git.start()
        self.hub.start()
        self.spoke.start()
        self.write_kubeconfig()
        self.ward = Ward(self.folder, self.git)
        for old, new in (*OPENSHIFT, ("value: 4", "value: 0")):
            self.ward.edit(CENTRAL, old, new)
        self.ward.edit(WARD, "replicas: 2", "replicas: 0")
        self.manifest = built(CONTROL_PLANE, "argocd-install.yaml")
        self.ward.edit(GLOBAL, "medpattern:\n", f"medpattern:\n  argocd: {json.dumps(self.engine(self.manifest))}\n")
        for name in ("east", "west"):
            (self.ward.root / f"values/clusters/{name}.yaml").unlink()
            shutil.rmtree(self.ward.root / f"rendered/{name}")
        self.write_facts("hub", group="central", server=self.hub.cluster.url, **FACTS)
        self.ward.publish("the hub as it is")
        git(self.ward.root, "push", "--quiet", "--set-upstream", "origin", "main")
        names = {"hospital-2": "hub", "hospital-1": "east"}
        self.typist = Typist(self.folder / "typed", self.ward.root, self.kubeconfig, names, self.play)
        return self

    def discard(self) -> None:
        """End all at once."""
        self.argocd.discard()
        self.hub.discard()
        self.spoke.discard()
        self.git.stop()

    @staticmethod
    def engine(manifest: Path) -> dict[str, str]:
        """What the values say of a manifest."""
        return {"manifest": str(manifest), "sha256": hashlib.sha256(manifest.read_bytes()).hexdigest()}

    def write_kubeconfig(self) -> None:
        """The administrators' logins to the clusters as they are now."""
        made: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
        made |= {"contexts": [], "clusters": [], "users": []}
        for name, one in (("hub-admin", self.hub), ("east-admin", self.spoke)):
            own = json.loads(one.cluster.kubeconfig().read_text())
            made["clusters"].append({"name": name, "cluster": own["clusters"][0]["cluster"]})
            made["users"].append({"name": name, "user": own["users"][0]["user"]})
            made["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(json.dumps(made))

    def write_facts(self, cluster: str, **facts: object) -> None:
        """Writes facts into a cluster's file."""
        path = self.ward.root / f"values/clusters/{cluster}.yaml"
        before = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
        path.write_text(json.dumps({**before, **facts}), "utf-8")

    def play(self) -> None:
        """What pods and operators do."""
        if not self.argocd.controller.alive and self.hub.get(INSTALLED):
            if "deletionTimestamp" in self.hub.get(SPACE)["metadata"]:
                return
            self.argocd.make_key()
            self.argocd.start()
        for one in self.spoke.get(TOPICS).get("items", []):
            if not one.get("status"):
                self.spoke.change(f"{TOPICS}/{one['metadata']['name']}/status", READY)

    def applications(self) -> dict[str, Object]:
        """Those of Argo CD by name."""
        return {one["metadata"]["name"]: one for one in self.hub.get(APPLICATIONS).get("items", [])}

    def healthy(self) -> bool:
        """Whether all Applications of both are there, Synced and Healthy."""
        self.play()
        found = self.applications()
        states = [found.get(name, {}).get("status", {}) for name in EVERY]
        return all(
            (one.get("sync", {}).get("status"), one.get("health", {}).get("status")) == ("Synced", "Healthy")
            for one in states
        )

    def wait(self, reached: Callable[[], object], what: str) -> None:
        """Wait for what Argo CD brings about."""
        try:
            until(reached, what, seconds=ROUND_SECONDS, every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def told(self) -> str:
        """The states of all Applications, for a failure."""
        found = {name: one.get("status", {}) for name, one in self.applications().items()}
        return "\n".join(
            f"{name}: {one.get('sync', {}).get('status')} {one.get('health', {}).get('status')} "
            f"{one.get('conditions', '')} {one.get('operationState', {}).get('message', '')}"
            for name, one in found.items()
        )

    def objects(self) -> dict[str, tuple[str, int]]:
        """The objects that Argo CD has made on both, with their uid and generation, as kept where nothing happened."""
        found: dict[str, tuple[str, int]] = {}
        for name, one in (("hub", self.hub), ("east", self.spoke)):
            for path in ("/api/v1/namespaces", "/api/v1/configmaps", "/apis/apps/v1/deployments",
                         "/apis/kafka.strimzi.io/v1/kafkatopics"):  # fmt: skip
                for thing in one.get(path).get("items", []):
                    metadata = thing["metadata"]
                    if "argocd.argoproj.io/tracking-id" in (metadata.get("annotations") or {}):
                        place = f"{name}{path}/{metadata.get('namespace', '')}/{metadata['name']}"
                        found[place] = (metadata["uid"], metadata.get("generation", 0))
        return found


def in_service(site: Site) -> Site:
    """The hub bootstrapped and the spoke added, as the handbook says."""
    site.write_facts("hub", clusterId=site.hub.uid)
    told = site.typist.type_all("Bootstrap")
    assert "all 2 Applications of 'hub' are Healthy" in told

    look, push, add = commands("Add a cluster")
    site.typist.type(look)
    # Of an address on this machine nobody can tell whether the hub reaches it.
    site.write_facts("east", **WHAT_NOBODY_CAN_SEE, server=site.spoke.cluster.url)
    site.typist.type(push)
    site.typist.type(add)
    site.wait(site.healthy, "all Applications of hub and spoke to be healthy")
    return site
