"""Switches OpenShift's monitoring of user workloads on, by merging settings into two ConfigMaps of the platform.

The ConfigMaps belong to nobody: others write to them too. So what is in them stays, only what is wanted is set, and
where all of it is set already nothing is written. Comments in a changed text are lost. It may run any number of times.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KEY = "config.yaml"
TRIES = 5


def wanted(retention: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Namespace, ConfigMap and settings."""
    return [
        ("openshift-monitoring", "cluster-monitoring-config", {"enableUserWorkload": True}),
        (
            "openshift-user-workload-monitoring",
            "user-workload-monitoring-config",
            {"prometheus": {"retention": retention}},
        ),
    ]


def merged(old: Any, new: Any) -> Any:
    """`old` with the settings of `new`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {key: merged(old.get(key), value) for key, value in new.items()}


class Api:
    """The API server, as the pod's service account."""

    def __init__(self, url: str, token: str, trust: ssl.SSLContext | None) -> None:
        self._url = url
        self._token = token
        self._trust = trust

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The answer's JSON, or None for 404."""
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._trust) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            if problem.code == 404 and method == "GET":
                return None
            raise


def settle(api: Api, namespace: str, name: str, settings: dict[str, Any]) -> bool:
    """Whether something had to be written."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
    found = api.call("GET", path)
    if found is None:
        # By apply and not by POST: only so can the right to create be bound to this one name.
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
        document["data"] = {KEY: yaml.safe_dump(settings)}
        api.call("PATCH", f"{path}?fieldManager=medpattern", document, "application/apply-patch+yaml")
        return True
    old = yaml.safe_load((found.get("data") or {}).get(KEY) or "") or {}
    if not isinstance(old, dict):
        raise SystemExit(f"{namespace}/{name}: {KEY} is no map; repair it by hand")
    new = merged(old, settings)
    if new == old:
        return False
    # The version makes the server refuse (409) where somebody else wrote in between.
    change = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": {KEY: yaml.safe_dump(new)}}
    api.call("PATCH", path, change, "application/merge-patch+json")
    return True


def settle_all(api: Api, retention: str) -> None:
    """Sets everything that is wanted; a write that somebody else overtook is tried again."""
    for namespace, name, settings in wanted(retention):
        for left in reversed(range(TRIES)):
            try:
                changed = settle(api, namespace, name, settings)
            except urllib.error.HTTPError as problem:
                if problem.code == 409 and left:
                    continue
                raise SystemExit(f"{namespace}/{name}: the API server says {problem.code}") from None
            print(f"{namespace}/{name}: {'changed' if changed else 'as wanted'}")
            break


def main() -> int:
    """The job."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    host = f"[{host}]" if ":" in host else host
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    token = (ACCOUNT / "token").read_text("ascii").strip()
    settle_all(Api(f"https://{host}:{port}", token, trust), os.environ["RETENTION"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
