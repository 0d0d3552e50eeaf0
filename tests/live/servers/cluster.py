"""A Kubernetes API server with its etcd on 127.0.0.1: real requests, storage, RBAC and admission, and no controllers.

Nothing acts on what is stored: no pod runs, a deleted namespace stays. etcd speaks plain HTTP and does not wait for the
disk. Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

from urllib3.exceptions import HTTPError

from tests.live.servers.api import Api
from tests.live.servers.built import CONTROL_PLANE, built
from tests.real.servers.certificates import Authority
from tests.real.servers.ports import free_ports, listening
from tests.real.servers.processes import Process

AUDIT = Path(__file__).with_name("audit.yaml")
# A loaded machine with two cores starts an API server in 30 s at times.
START_SECONDS = 180
# name: group
USERS = {
    "admin": "system:masters",
    "nobody": "nobodies",
    # Who has the rights that a test gives by roles.
    "operator": "operators",
    "system:kube-controller-manager": "controllers",
    "system:kube-scheduler": "schedulers",
    # Plays the kubelets of nodes.
    "kwok": "system:masters",
}


class Cluster:
    """One API server. `api` is its administrator's; a `template` is the folder of a stopped one's data.

    With `audited` it writes the file `audit`, one line of JSON for each request.
    """

    def __init__(self, folder: Path, template: Path | None = None, *, audited: bool = False) -> None:
        self.folder = folder
        self.audit = folder / "audit.log" if audited else None
        folder.mkdir(parents=True, mode=0o700)
        self.data = folder / "etcd"
        if template is not None:
            shutil.copytree(template, self.data)
        self.data.mkdir(mode=0o700, exist_ok=True)
        authority = Authority(folder / "authority")
        self.authority = authority.certificate
        self._serving = authority.issue("kube-apiserver", "kubernetes.default.svc")
        self._accounts = authority.issue("service-accounts")
        api_port, self._etcd_port, peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{api_port}"
        self._tokens = {name: secrets.token_urlsafe(24) for name in USERS}
        self.api = self.login("admin")
        self.etcd = Process("etcd", self._etcd(peer_port), folder / "etcd.log")
        self.server = Process("kube-apiserver", self._server(api_port), folder / "kube-apiserver.log")

    def login(self, user: str) -> Api:
        """Requests of "admin", who may do everything, of "nobody", who may do nothing, or of another of USERS."""
        return Api(self.url, self._tokens[user], self.authority)

    def kubeconfig(self, user: str = "admin", namespace: str = "default") -> Path:
        """The file with which kubectl and its like log in; its context is "tests"."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        made = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user, "namespace": namespace}}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "clusters": [{"name": "tests", "cluster": cluster}],
        }
        path = self.folder / f"{user.rpartition(':')[2]}-{namespace}.kubeconfig"
        path.touch(0o600)
        path.write_text(json.dumps(made))  # JSON is YAML
        return path

    @property
    def account_key(self) -> Path:
        """The key that signs the tokens of service accounts."""
        return self._accounts.key

    def start(self) -> None:
        """Return when the server answers that it is ready."""
        tokens = self.folder / "tokens.csv"
        tokens.touch(0o600)
        tokens.write_text("".join(f"{self._tokens[name]},{name},{name},{group}\n" for name, group in USERS.items()))
        self.etcd.start().wait_ready(lambda: listening(self._etcd_port), seconds=START_SECONDS)
        self.server.start().wait_ready(self._is_ready, seconds=START_SECONDS)

    def restart(self) -> None:
        """The API server again, after it was killed."""
        self.server.start().wait_ready(self._is_ready, seconds=START_SECONDS)

    def stop(self) -> None:
        """End both, the data left whole."""
        self.server.stop()
        self.etcd.stop()

    def discard(self) -> None:
        """End both at once and remove the files."""
        self.server.discard()
        self.etcd.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            return self.api.ask("GET", "/readyz").status == 200
        except HTTPError:
            return False

    def _etcd(self, peer_port: int) -> list[str | Path]:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{peer_port}"
        return [
            built(CONTROL_PLANE, "etcd"),
            "--name=tests",
            f"--data-dir={self.data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=tests={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _server(self, port: int) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "kube-apiserver"),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--cert-dir={self.folder}",
            f"--tls-cert-file={self._serving.certificate}",
            f"--tls-private-key-file={self._serving.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._accounts.certificate}",
            f"--service-account-signing-key-file={self._accounts.key}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--endpoint-reconciler-type=none",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
            "--shutdown-delay-duration=0s",
            *([f"--audit-policy-file={AUDIT}", f"--audit-log-path={self.audit}"] if self.audit else []),
        ]
