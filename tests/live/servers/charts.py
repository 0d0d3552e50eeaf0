"""A Helm repository on 127.0.0.1 with stand-ins: charts with the name and version of a published one, and little else.

A stand-in brings the CustomResourceDefinitions that it is given and one Deployment, which does nothing. So Argo CD does
with it what it does with the real one: fetch, render, apply, wait until it is healthy.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

from tests.real.servers.ports import free_port

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-stand-in
  namespace: {{ .Release.Namespace }}
spec:
  replicas: 1
  selector: {matchLabels: {app: {{ .Release.Name }}-stand-in}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}-stand-in}}
    spec:
      containers:
        - name: nothing
          image: stand-in.example.org/{{ .Chart.Name }}:{{ .Chart.Version }}
"""


class ChartRepository:
    """Serves the charts that were added, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._rows: dict[str, list[dict[str, object]]] = {}
        handler = partial(_Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, name: str, version: str, definitions: Iterable[Path]) -> None:
        """A stand-in with CustomResourceDefinitions, and the index anew."""
        about = {
            "apiVersion": "v2",
            "name": name,
            "version": version,
            "description": "A stand-in of medpattern's tests; it does nothing.",
        }
        files = {"Chart.yaml": yaml.safe_dump(about).encode(), "templates/deployment.yaml": DEPLOYMENT.encode()}
        files |= {f"crds/{file.name}": file.read_bytes() for file in definitions}
        packed = _packed(name, files)
        (self.folder / f"{name}-{version}.tgz").write_bytes(packed)
        row: dict[str, object] = {**about, "urls": [f"{name}-{version}.tgz"]}
        self._rows.setdefault(name, []).append({**row, "digest": hashlib.sha256(packed).hexdigest()})
        index = {"apiVersion": "v1", "entries": self._rows}
        (self.folder / "index.yaml").write_text(yaml.safe_dump(index), "utf-8")

    def stop(self) -> None:
        """Nobody answers any longer."""
        self._server.shutdown()
        self._server.server_close()


def _packed(name: str, files: Mapping[str, bytes]) -> bytes:
    """A chart's archive."""
    to = io.BytesIO()
    with tarfile.open(fileobj=to, mode="w:gz") as archive:
        for path, content in files.items():
            row = tarfile.TarInfo(f"{name}/{path}")
            row.size = len(content)
            archive.addfile(row, io.BytesIO(content))
    return to.getvalue()


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        """Nothing: the log of a test is for its failures."""
