"""A cluster with controllers, Argo CD and a git server, and what a test asks them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fleet.small import CHECKOUT
from tests.live.servers.api import Api, Object
from tests.live.servers.argocd import NAMESPACE, RESYNC, ArgoCD
from tests.live.servers.cluster import Cluster
from tests.live.servers.controllers import Controllers
from tests.live.servers.definitions import definition_files
from tests.live.servers.git import GitServer
from tests.live.servers.template import template
from tests.real.servers.processes import Process, until

APPLICATIONS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
# What Argo CD needs for one round on a loaded machine: poll, render, compare, apply.
ROUND_SECONDS = 300
MERGE = "application/merge-patch+json"


class GitOps:
    """All of them in one folder; `namespace` is Argo CD's.

    `groups` are the API groups of the custom kinds that the cluster has, or `definitions` their files.
    """

    def __init__(
        self,
        folder: Path,
        groups: tuple[str, ...] = ("argoproj.io", "kafka.strimzi.io"),
        resync: str = RESYNC,
        *,
        audited: bool = False,
        definitions: Sequence[Path] | None = None,
        namespace: str = NAMESPACE,
    ) -> None:
        self.folder = folder
        self.applications = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications"
        ready = template(definition_files("kubernetes", groups) if definitions is None else definitions)
        self.cluster = Cluster(folder / "cluster", ready, audited=audited)
        self.controllers = Controllers(folder, self.cluster)
        self.argocd = ArgoCD(folder / "argocd", self.cluster, resync, namespace)
        (folder / "git").mkdir()
        self.git = GitServer(folder / "git")
        self._commands: list[Process] = []

    @property
    def api(self) -> Api:
        """The administrator's requests to the cluster."""
        return self.cluster.api

    def start(self) -> GitOps:
        """Everything but Argo CD, which is not installed yet."""
        self.git.start()
        self.cluster.start()
        self.controllers.start()
        return self

    def begin(self, log: Path, *words: str) -> Process:
        """A command of medpattern in the background; it ends with the servers at the latest."""
        environment = {"PYTHONPATH": str(CHECKOUT / "src"), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "medpattern", *words]
        self._commands.append(Process(words[0], command, log, environment=environment).start())
        return self._commands[-1]

    def discard(self) -> None:
        """End all at once and remove the files."""
        for command in self._commands:
            command.discard()
        self.argocd.discard()
        self.controllers.process.discard()
        self.cluster.discard()
        self.git.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def application(self, name: str) -> Object:
        """An Application; {} if there is none."""
        answer = self.api.ask("GET", f"{self.applications}/{name}")
        return {} if answer.status == 404 else dict(self.api.must(answer))

    def sync(self, name: str) -> str:
        """Its state, such as "Synced"; "" if there is none."""
        return str(self.application(name).get("status", {}).get("sync", {}).get("status") or "")

    def health(self, name: str) -> str:
        """Its health, such as "Healthy"; "" if there is none."""
        return str(self.application(name).get("status", {}).get("health", {}).get("status") or "")

    def refresh(self, name: str) -> None:
        """What a webhook does after a push: Argo CD looks at once."""
        wish = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
        self.api.ask("PATCH", f"{self.applications}/{name}", wish, content_type=MERGE)

    def wait(self, reached: Callable[[], object], what: str) -> None:
        """Wait for what Argo CD brings about."""
        until(reached, what, seconds=ROUND_SECONDS, every=0.3)

    def get(self, path: str) -> Object:
        """An object of the cluster; {} if there is none."""
        answer = self.api.ask("GET", path)
        return {} if answer.status == 404 else dict(self.api.must(answer))

    def contents(self, *paths: str) -> dict[str, Object]:
        """The objects of some lists, by path and name, without status and version, which others write all the time."""
        found: dict[str, Object] = {}
        for path in paths:
            for one in self.get(path)["items"]:
                content = {key: value for key, value in one.items() if key not in ("status", "metadata")}
                metadata = {key: one["metadata"].get(key) for key in ("labels", "annotations", "finalizers")}
                found[f"{path}/{one['metadata']['name']}"] = {**content, **metadata}
        return found
