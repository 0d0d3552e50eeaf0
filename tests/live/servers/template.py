"""Data of a stopped cluster that has the custom kinds already: they cost far more to install than to load.

It lies in the cache, named by what it was made of; whoever comes first makes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.live.servers.api import THREADS, Api
from tests.live.servers.built import CONTROL_PLANE, built, cache
from tests.live.servers.cluster import Cluster
from tests.live.servers.definitions import definition
from tests.real.servers.processes import until

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ESTABLISHED_SECONDS = 300


def template(files: Sequence[Path]) -> Path:
    """The folder of etcd's data with the definitions in `files` established."""
    programs = [built(CONTROL_PLANE, name).name for name in ("etcd", "kube-apiserver")]
    content = hashlib.sha256("\n".join(programs).encode())
    for file in files:
        content.update(file.read_bytes())
    found = cache() / f"template-{content.hexdigest()[:16]}"
    with (cache() / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want it at once
        if not found.exists():
            _make(files, found)
    return found


def _make(files: Sequence[Path], to: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="template-", dir=cache()) as name:
        cluster = Cluster(Path(name) / "cluster")
        try:
            cluster.start()
            install(cluster.api, files)
        finally:
            cluster.stop()
        cluster.data.rename(to)


def install(api: Api, files: Sequence[Path]) -> None:
    """Add definitions and wait until the server serves their kinds."""
    with ThreadPoolExecutor(THREADS) as threads:
        made = threads.map(lambda file: api.must(api.ask("POST", DEFINITIONS, definition(file))), files)
        names = {one["metadata"]["name"] for one in made}
    until(lambda: names <= _established(api), f"{len(names)} definitions to be established",
          seconds=ESTABLISHED_SECONDS, every=0.5)  # fmt: skip


def _established(api: Api) -> set[str]:
    return {
        item["metadata"]["name"]
        for item in api.must(api.ask("GET", DEFINITIONS))["items"]
        for condition in item.get("status", {}).get("conditions") or ()
        if condition["type"] == "Established" and condition["status"] == "True"
    }
