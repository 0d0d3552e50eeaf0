"""A test in the part of Argo CD: its Applications on a real API server, with the statuses that it would write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.live.servers.api import Api
from tests.live.servers.cluster import Cluster

API = "/apis/argoproj.io/v1alpha1"
REVISION = "4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2"


def contexts(cluster: Cluster, folder: Path, *names: str, **servers: str) -> Path:
    """A kubeconfig whose contexts all log in to one server as its administrator; of `servers` to another URL."""
    config = json.loads(cluster.kubeconfig().read_text())
    (user,), (there,) = config["users"], config["clusters"]
    others = [{"name": name, "cluster": {**there["cluster"], "server": url}} for name, url in servers.items()]
    config["clusters"] = [there, *others]
    config["contexts"] = [
        {"name": name, "context": {"cluster": name if name in servers else there["name"], "user": user["name"]}}
        for name in (*names, *servers)
    ]
    config["current-context"] = names[0] if names else ""
    path = folder / "kubeconfig"
    path.touch(0o600)
    path.write_text(json.dumps(config))
    return path


def manifests(folder: Path) -> Iterable[dict[str, Any]]:
    """The Applications of a rendered cluster."""
    for file in (folder / "root.yaml", *sorted((folder / "argocd").glob("*.yaml"))):
        yield from (one for one in yaml.safe_load_all(file.read_text()) if one["kind"] == "Application")


class ArgoCd:
    """One Argo CD, which acts only where it is told to."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.path = f"{API}/namespaces/{namespace}/applications"
        api.make_namespaces([namespace])

    def take(self, manifest: dict[str, Any], **status: Any) -> None:
        """Take over an Application as Synced and Healthy, unless told otherwise."""
        metadata = {key: value for key, value in manifest["metadata"].items() if key != "finalizers"}
        self.api.must(self.api.ask("POST", self.path, {**manifest, "metadata": metadata}))
        self.say(metadata["name"], **(well(manifest) | status))

    def say(self, name: str, **status: Any) -> None:
        """Change parts of an Application's status."""
        patch = {"status": status}
        self.api.must(self.api.ask("PATCH", f"{self.path}/{name}", patch, content_type="application/merge-patch+json"))

    def forget(self, name: str) -> None:
        """Remove an Application."""
        self.api.must(self.api.ask("DELETE", f"{self.path}/{name}"))

    def forget_all(self) -> None:
        """Remove every Application."""
        self.api.must(self.api.ask("DELETE", self.path))


def well(manifest: dict[str, Any], ago: timedelta = timedelta(minutes=4)) -> dict[str, Any]:
    """The status of an Application that was synced a while ago and is as git has it."""
    spec = manifest["spec"]
    looked, synced = stamp(timedelta(seconds=30)), stamp(ago)
    compared = {"source": spec["source"], "destination": spec["destination"]}
    done = {"initiatedBy": {"automated": True}, "sync": {"revision": REVISION}}
    return {
        "sync": {"status": "Synced", "revision": REVISION, "comparedTo": compared},
        "health": {"status": "Healthy"},
        "reconciledAt": looked,
        "conditions": [],
        "resources": [],
        "history": [{"id": 1, "deployedAt": synced, "revision": REVISION, "source": spec["source"]}],
        "operationState": {
            "operation": done,
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "startedAt": synced,
            "finishedAt": synced,
        },
    }


def managed(kind: str, name: str, status: str = "OutOfSync", group: str = "", **more: Any) -> dict[str, Any]:
    """A row of an Application's status.resources."""
    return {"group": group, "version": "v1", "kind": kind, "name": name, "status": status, **more}


def stamp(ago: timedelta) -> str:
    """A time as Kubernetes writes it."""
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
