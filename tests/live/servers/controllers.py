"""kube-controller-manager on a test cluster: namespaces end, accounts and Deployments get what belongs to them."""

from __future__ import annotations

from pathlib import Path

from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.cluster import Cluster
from tests.real.servers.processes import Process

READY_SECONDS = 120


class Controllers:
    """The controllers of one cluster, which runs; no scheduler and no node, so no pod ever starts."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.cluster = cluster
        self.process = Process("kube-controller-manager", self._command(), folder / "kube-controller-manager.log")

    def start(self) -> Controllers:
        """Return when the first controller has done its work: the service account of the namespace default."""
        self.process.start().wait_ready(self._is_ready, seconds=READY_SECONDS)
        return self

    def stop(self) -> None:
        """End it. Nothing to do is no error."""
        self.process.stop()

    def _is_ready(self) -> bool:
        return self.cluster.api.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default").status == 200

    def _command(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "kube-controller-manager"),
            f"--kubeconfig={self.cluster.kubeconfig('system:kube-controller-manager')}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            f"--service-account-private-key-file={self.cluster.account_key}",
            f"--root-ca-file={self.cluster.authority}",
            "--use-service-account-credentials=true",
            "--profiling=false",
            "--concurrent-namespace-syncs=10",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
        ]
