"""Argo CD on 127.0.0.1: Redis, repo-server and application controller as plain processes, and its API if asked for.

They are what the pods of its installation run, with the rights of the cluster's administrator. It looks every 5
seconds, so that a push is seen without a webhook, unless a test says otherwise. The metrics of its controller listen on
all interfaces: there is no setting for that.
"""

from __future__ import annotations

import os
import secrets
import shutil
from functools import cached_property
from pathlib import Path

from urllib3.exceptions import HTTPError

from tests.live.servers.api import STRICT, Api, Object
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.cluster import Cluster
from tests.real.servers.ports import free_ports, listening
from tests.real.servers.processes import Process, until
from tests.real.servers.programs import program

START_SECONDS = 120
DESCRIBED_SECONDS = 600
RESYNC = "5s"
NAMESPACE = "argocd"
PART = {"app.kubernetes.io/part-of": "argocd"}
CONFIG_MAPS = ("argocd-cm", "argocd-rbac-cm", "argocd-tls-certs-cm", "argocd-ssh-known-hosts-cm", "argocd-gpg-keys-cm")
SECRET = "argocd-secret"


class ArgoCD:
    """One Argo CD for the cluster that it runs on, in one namespace; `resync` is how often it looks at git."""

    def __init__(self, folder: Path, cluster: Cluster, resync: str = RESYNC, namespace: str = NAMESPACE) -> None:
        self.folder = folder
        self.cluster = cluster
        self.resync = resync
        self.namespace = namespace
        for name in ("work", "home", "tmp", "tls", "ssh", "gpg", "plugins", "bin"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "ssh" / "ssh_known_hosts").touch()
        self._link("helm", built(CONTROL_PLANE, "helm"))
        # git asks it for the password of a repository.
        self._link("argocd", built(CONTROL_PLANE, "argocd"))
        # Debian's redis-tools has the server too, under the name of its checker; it looks at how it was called.
        self._link("redis-server", Path(program("redis-check-rdb", "redis-tools")))
        # Since 3.5 the repo-server runs this for each revision, signed or not. No output: no signature.
        self._script("git-verify-wrapper.sh", "#!/bin/sh\nexit 0\n")
        self._password = secrets.token_urlsafe(24)
        self._redis_port, self._repo_port, self._controller_port, self._api_port, *metrics = free_ports(6)
        self._repo_metrics, self._api_metrics = metrics
        self.redis = self._process("redis", self._redis())
        self.repo_server = self._process("repo-server", self._repo_server(), "argocd-repo-server")
        self.controller = self._process("application-controller", self._controller(), "argocd-application-controller")
        self.server = self._process("server", self._api(), "argocd-server")

    @property
    def processes(self) -> tuple[Process, ...]:
        """What `start` starts, in its order."""
        return self.redis, self.repo_server, self.controller

    def install(self) -> None:
        """The objects that an installation brings and that the processes want to find, without pods."""
        api = self.cluster.api
        api.make_namespaces([self.namespace])
        for name in CONFIG_MAPS:
            self._apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": PART}})
        self.make_key()

    def make_key(self) -> None:
        """The key that the API server of Argo CD makes when it first starts."""
        key = {"server.secretkey": secrets.token_urlsafe(24)}
        metadata = {"name": SECRET, "labels": PART}
        self._apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": key})

    def start(self) -> ArgoCD:
        """Return when the controller reconciles."""
        self.redis.start().wait_ready(lambda: listening(self._redis_port), seconds=START_SECONDS)
        self.repo_server.start().wait_ready(lambda: listening(self._repo_port), seconds=START_SECONDS)
        # The first answer takes the API server long on a busy machine, and the controller waits for 32 s alone.
        until(self._is_described, "the API server to describe its kinds", seconds=DESCRIBED_SECONDS)
        self.start_controller()
        return self

    def start_controller(self) -> None:
        """The application controller alone, as after its crash."""
        self.controller.start().wait_ready(lambda: listening(self._controller_port), seconds=START_SECONDS)

    def start_api(self) -> Api:
        """Argo CD's own API, open to everybody on this machine."""
        self.server.start().wait_ready(lambda: listening(self._api_port), seconds=START_SECONDS)
        return Api(f"http://127.0.0.1:{self._api_port}", "", self.cluster.authority)

    def stop(self) -> None:
        """End all; the objects in the cluster stay."""
        for process in (self.server, *reversed(self.processes)):
            process.stop()

    def discard(self) -> None:
        """End all at once and remove the files."""
        for process in (self.server, *reversed(self.processes)):
            process.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_described(self) -> bool:
        try:
            return self.cluster.api.ask("GET", "/openapi/v2").status == 200
        except HTTPError:
            return False

    def _link(self, name: str, target: Path) -> None:
        (self.folder / "bin" / name).symlink_to(target)

    def _script(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def _process(self, name: str, command: list[str | Path], role: str = "") -> Process:
        environment = {**self._environment, "ARGOCD_BINARY_NAME": role}
        return Process(name, command, self.folder / f"{name}.log", environment=environment, folder=self.folder / "work")

    @cached_property
    def _environment(self) -> dict[str, str]:
        folders = {name: str(self.folder / name) for name in ("home", "tmp", "tls", "ssh", "gpg", "plugins")}
        return {
            "KUBECONFIG": str(self.cluster.kubeconfig("admin", self.namespace)),
            "HOME": folders["home"],
            "TMPDIR": folders["tmp"],
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "REDIS_PASSWORD": self._password,
            # https://kubernetes.default.svc is then the cluster of KUBECONFIG.
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            # The repo-server too: it is how long the commit of a branch is kept.
            "ARGOCD_RECONCILIATION_TIMEOUT": self.resync,
            "ARGOCD_RECONCILIATION_JITTER": "0s",
            "ARGOCD_TLS_DATA_PATH": folders["tls"],
            "ARGOCD_SSH_DATA_PATH": folders["ssh"],
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_GPG_DATA_PATH": folders["gpg"],
            "ARGOCD_GNUPGHOME": folders["gpg"],
            "ARGOCD_PLUGINSOCKFILEPATH": folders["plugins"],
            "ARGOCD_CONTROLLER_REPLICAS": "1",
            "HOSTNAME": "argocd-application-controller-0",
        }

    def _redis(self) -> list[str | Path]:
        # Its password is in a file: arguments are for everybody's eyes.
        settings = self.folder / "redis.conf"
        settings.touch(0o600)
        settings.write_text(f"requirepass {self._password}\nport {self._redis_port}\nbind 127.0.0.1\nsave ''\n")
        return [self.folder / "bin" / "redis-server", settings]

    def _repo_server(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "argocd"),
            "--address=127.0.0.1",
            f"--port={self._repo_port}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={self._repo_metrics}",
            f"--redis=127.0.0.1:{self._redis_port}",
            "--disable-tls",
            "--client-ca-path=",
            "--logformat=text",
        ]

    def _controller(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "argocd"),
            f"--namespace={self.namespace}",
            f"--repo-server=127.0.0.1:{self._repo_port}",
            "--repo-server-plaintext",
            f"--redis=127.0.0.1:{self._redis_port}",
            f"--metrics-port={self._controller_port}",
            "--app-resync-jitter=0",
            "--persist-resource-health",
            "--logformat=text",
        ]

    def _api(self) -> list[str | Path]:
        return [
            built(CONTROL_PLANE, "argocd"),
            f"--namespace={self.namespace}",
            "--insecure",
            "--disable-auth",
            "--address=127.0.0.1",
            f"--port={self._api_port}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={self._api_metrics}",
            f"--repo-server=127.0.0.1:{self._repo_port}",
            "--repo-server-plaintext",
            f"--redis=127.0.0.1:{self._redis_port}",
            "--logformat=text",
        ]

    def _apply(self, thing: Object) -> None:
        """Server-side apply of an object of its namespace."""
        api = self.cluster.api
        api.must(api.apply(api.resource(thing["apiVersion"], thing["kind"]), self.namespace, thing, STRICT))
