"""An OCI registry, by Debian's docker-registry, that asks for a login: what hospitals have in front of their images."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import requests

from tests.real.servers.ports import free_port
from tests.real.servers.processes import Process
from tests.real.servers.programs import program

USER, PASSWORD = "platform", "only-for-this-test"
# htpasswd -nbB platform only-for-this-test
_HTPASSWD = "platform:$2y$05$BbV3ZCtB.jTtWu27wYe4veUPO8YUwAHJ2x4mmoVCbFWVIMe41/lN2\n"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class OciRegistry:
    """Where it listens: "127.0.0.1:port"."""

    host: str

    @property
    def login(self) -> tuple[str, str]:
        """The user and the password that it knows."""
        return USER, PASSWORD

    def push(self, repository: str, tag: str, note: str) -> str:
        """Stores a manifest that says `note`; the digest that the registry gives it."""
        blob = f"sha256:{sha256(_EMPTY).hexdigest()}"
        base = f"http://{self.host}/v2/{repository}"
        started = requests.post(f"{base}/blobs/uploads/", auth=self.login, timeout=20)
        where = started.headers["Location"]
        separator = "&" if "?" in where else "?"
        requests.put(f"{where}{separator}digest={blob}", data=_EMPTY, auth=self.login, timeout=20).raise_for_status()
        config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob, "size": len(_EMPTY)}
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [config]}
        body = json.dumps({**manifest, "annotations": {"note": note}})
        headers = {"Content-Type": _MANIFEST}
        done = requests.put(f"{base}/manifests/{tag}", data=body, headers=headers, auth=self.login, timeout=20)
        done.raise_for_status()
        return done.headers["Docker-Content-Digest"]

    def docker_config(self, folder: Path) -> Path:
        """A config.json as `docker login` writes it, in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        path = folder / "config.json"
        path.write_text(json.dumps({"auths": {self.host: {"auth": secret}}}), "utf-8")
        return path


@contextmanager
def running_registry(folder: Path) -> Iterator[OciRegistry]:
    """A registry with its images in `folder`."""
    host = f"127.0.0.1:{free_port()}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(_HTPASSWD, "utf-8")
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": host},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
        "log": {"accesslog": {"disabled": True}},
    }
    (folder / "config.json").write_text(json.dumps(settings), "utf-8")
    command = [program("docker-registry", "docker-registry"), "serve", folder / "config.json"]
    process = Process("docker-registry", command, folder / "log")
    process.start()
    try:
        process.wait_ready(lambda: _answers(host))
        yield OciRegistry(host)
    finally:
        process.stop()


def _answers(host: str) -> bool:
    try:
        return requests.get(f"http://{host}/v2/", timeout=2).status_code == 401
    except requests.RequestException:
        return False
