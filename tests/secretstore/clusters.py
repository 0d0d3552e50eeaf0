"""A small cluster whose pods read Secrets of every origin, and a Vault and an API server in memory."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from medpattern.checks.manifests import Inventory
from medpattern.errors import RefusalError, RemoteError
from medpattern.secretstore.format import VaultPath
from medpattern.secretstore.vault import Stored
from tests.checks.wiring.clusters import cluster
from tests.secretstore.texts import PREFIX

STORE = """\
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: vault}
spec:
  provider:
    vault:
      server: https://openbao.openbao.svc:8200
      path: secret
      version: v2
      auth:
        kubernetes:
          mountPath: kubernetes
          role: medical-diagnosis
          serviceAccountRef: {name: secret-store, namespace: secret-store, audiences: [vault]}
"""

OBJECTS = f"""\
{STORE}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: mail}}
spec:
  refreshInterval: 1h
  secretStoreRef: {{kind: ClusterSecretStore, name: vault}}
  target: {{name: mail}}
  data:
    - {{secretKey: user, remoteRef: {{key: {PREFIX}/smtp, property: user}}}}
    - {{secretKey: password, remoteRef: {{key: secret/data/{PREFIX}/smtp, property: password}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: database}}
spec:
  refreshInterval: 5m
  secretStoreRef: {{kind: ClusterSecretStore, name: vault}}
  target:
    name: database
    template:
      data: {{url: "postgresql://a:{{{{ .password | urlquery }}}}@db/x"}}
  data:
    - {{secretKey: password, remoteRef: {{key: {PREFIX}/database, property: service}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: notifier}}
spec:
  selector: {{matchLabels: {{app: notifier}}}}
  template:
    metadata: {{labels: {{app: notifier}}}}
    spec:
      containers:
        - name: notifier
          env:
            - {{name: A, valueFrom: {{secretKeyRef: {{name: mail, key: user}}}}}}
            - {{name: B, valueFrom: {{secretKeyRef: {{name: mail, key: password}}}}}}
            - {{name: C, valueFrom: {{secretKeyRef: {{name: database, key: url}}}}}}
            - {{name: D, valueFrom: {{secretKeyRef: {{name: relay-ca, key: ca.crt}}}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: purge}}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{{name: purge, envFrom: [{{secretRef: {{name: database}}}}]}}]
"""


def ward(more: str = "", **options: Any) -> Inventory:
    """The cluster, with `more` objects."""
    return cluster(f"{OBJECTS}---\n{more}", **options)


class FakeVault:
    """A Vault as `loading` sees it. `failing` is the number of writes after which it goes away; -1 for never."""

    address = "https://vault.example.org:8200"

    def __init__(self, sealed: bool = False, forbidden: tuple[str, ...] = ()) -> None:
        self.sealed = sealed
        self.forbidden = forbidden
        self.failing = -1
        self.engines = {"secret": "kv2"}
        self.entries: dict[VaultPath, list[dict[str, Any]]] = {}
        self.paths: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, str] = {"token": "token"}
        self.log: list[str] = []

    def require_ready(self) -> None:
        if self.sealed:
            raise RemoteError("sealed; nothing was written")

    def lacking(self, wanted: Mapping[str, tuple[str, ...]]) -> list[str]:
        return [f"{what[0]} {path}" for path, what in wanted.items() if path in self.forbidden]

    def engine(self, mount: str) -> str:
        return self.engines.get(mount, "")

    def mount(self, mount: str) -> None:
        self._written(f"mount {mount}")
        self.engines[mount] = "kv2"

    def read(self, path: VaultPath) -> Stored:
        versions = self.entries.get(path, [])
        return Stored(len(versions), versions[-1] if versions else {})

    def write(self, path: VaultPath, content: Mapping[str, Any], before: int) -> int:
        self._written(f"entry {path}")
        versions = self.entries.setdefault(path, [])
        assert len(versions) == before
        versions.append(dict(content))
        return len(versions)

    def get(self, path: str) -> dict[str, Any] | None:
        return self.paths.get(path)

    def put(self, path: str, data: Mapping[str, Any]) -> None:
        self._written(f"put {path}")
        self.paths[path] = {**self.paths.get(path, {}), **data}

    def auth_methods(self) -> dict[str, str]:
        return self.methods

    def enable_kubernetes(self, auth: str) -> None:
        self._written(f"enable {auth}")
        self.methods[auth] = "kubernetes"

    def _written(self, what: str) -> None:
        if len(self.log) == self.failing:
            raise RemoteError(f"{self.address} does not answer")
        self.log.append(what)


class FakeCluster:
    """An API server that has Secrets. `refusing` are names that it refuses, with a status."""

    def __init__(self, namespaces: tuple[str, ...], refusing: Mapping[str, int] | None = None) -> None:
        self.namespaces = namespaces
        self.refusing = refusing or {}
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self.log: list[str] = []

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        assert api_version == "v1"
        if kind == "Namespace":
            return {"metadata": {"name": name}} if name in self.namespaces else None
        return self.secrets.get((namespace, name))

    def apply(self, thing: dict[str, Any], *, dry_run: bool = False, force: bool = False) -> dict[str, Any]:
        assert not force
        name = thing["metadata"]["name"]
        if name in self.refusing:
            raise RefusalError(f"refused {name}", self.refusing[name], "Refused")
        if not dry_run:
            self.log.append(name)
            self.secrets[thing["metadata"]["namespace"], name] = thing
        return thing

    def text(self, namespace: str, name: str, key: str) -> str:
        return base64.b64decode(self.secrets[namespace, name]["data"][key]).decode()
