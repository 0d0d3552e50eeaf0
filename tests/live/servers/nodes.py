"""kube-scheduler and kwok on a test cluster: its pods get onto a node that is pretended, and are ready there.

kwok plays the kubelet: no image is pulled, no container runs, no probe is asked. A pod is ready as soon as it is
scheduled, that of a Job has succeeded a second later, and a claim is bound to a volume that holds nothing.
"""

from __future__ import annotations

from pathlib import Path

from tests.live.servers.api import Object
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.cluster import Cluster
from tests.real.servers.ports import free_port
from tests.real.servers.processes import Process

READY_SECONDS = 120
FAKE = "kwok.x-k8s.io/node"
ROOM = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "1Ti", "nvidia.com/gpu": "8"}
PROVISIONER = "kwok.x-k8s.io/volume"


class Nodes:
    """A node of a cluster that runs, with its controllers. `classes` are StorageClasses, the default one first."""

    def __init__(self, folder: Path, cluster: Cluster, classes: tuple[str, ...] = ("standard",)) -> None:
        self.cluster = cluster
        self.classes = classes
        self.scheduler = Process("kube-scheduler", self._scheduler(), folder / "kube-scheduler.log")
        self.kwok = Process("kwok", self._kwok(), folder / "kwok.log")

    def start(self) -> Nodes:
        """Return when the node is ready."""
        api = self.cluster.api
        api.must(api.ask("POST", "/api/v1/nodes", node("node-1")))
        for name in self.classes:
            thing = storage_class(name, is_default=name == self.classes[0])
            api.must(api.ask("POST", "/apis/storage.k8s.io/v1/storageclasses", thing))
        self.scheduler.start()
        self.kwok.start().wait_ready(self._is_ready, seconds=READY_SECONDS)
        return self

    def discard(self) -> None:
        """End both at once. Nothing to do is no error."""
        self.kwok.discard()
        self.scheduler.discard()

    def _is_ready(self) -> bool:
        found = self.cluster.api.must(self.cluster.api.ask("GET", "/api/v1/nodes/node-1"))
        conditions = found["status"].get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _scheduler(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "kube-scheduler"),
            f"--kubeconfig={self.cluster.kubeconfig('system:kube-scheduler')}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            "--profiling=false",
        ]

    def _kwok(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "kwok"),
            f"--kubeconfig={self.cluster.kubeconfig('kwok')}",
            f"--config={built(CONTROL_PLANE, 'kwok-stages.yaml')}",
            f"--server-address=127.0.0.1:{free_port()}",  # else it listens on all interfaces
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={FAKE}=fake",
            "--node-lease-duration-seconds=40",
            "--cidr=10.1.0.0/16",
            "--node-ip=127.0.0.1",
        ]


def node(name: str) -> Object:
    """A node that kwok keeps alive, with room for everything."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {FAKE: "fake"}, "labels": labels},
        "status": {"allocatable": ROOM, "capacity": ROOM},
    }


def storage_class(name: str, *, is_default: bool) -> Object:
    """A class whose claims kwok binds at once."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true" if is_default else "false"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "Immediate",
    }
