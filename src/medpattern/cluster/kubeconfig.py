"""Which context of a kubeconfig leads to a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medpattern.errors import UsageError
from medpattern.findings import did_you_mean

_DEFAULT = "~/.kube/config"


@dataclass(frozen=True, slots=True)
class Contexts:
    """What a kubeconfig offers: the URL of the API server by context; `current` is "" if it names none."""

    servers: dict[str, str] = field(default_factory=dict)
    current: str = ""


def read_contexts(kubeconfig: Path | None = None) -> Contexts:
    """The contexts of a file, or of KUBECONFIG (of several files the first that says a thing) or ~/.kube/config.

    Nothing is logged in to. Without any file there are none, as in a pod.

    Raises:
        UsageError: the named file is not there, or a file is no kubeconfig.
    """
    servers: dict[str, str] = {}
    contexts: dict[str, str] = {}
    current = ""
    for path in _files(kubeconfig):
        data = _read(path)
        current = current or str(data.get("current-context") or "")
        for row in data.get("clusters") or ():
            servers.setdefault(str(row["name"]), str((row.get("cluster") or {}).get("server") or ""))
        for row in data.get("contexts") or ():
            contexts.setdefault(str(row["name"]), str((row.get("context") or {}).get("cluster") or ""))
    return Contexts({name: servers.get(cluster, "") for name, cluster in contexts.items()}, current)


def context_of(cluster: str, server: str, contexts: Contexts, *, alone: bool) -> str | None:
    """The context that leads to a cluster: by its server's URL, else by the cluster's name, else the current one.

    Args:
        cluster: its name in the fleet.
        server: what its facts say of the API server; "" if they do not.
        contexts: what there is.
        alone: whether it is the only cluster that is asked, so that the current context may be meant.

    Returns:
        None where there is no context at all, as in a pod.

    Raises:
        UsageError: no context leads there; guessing could ask another cluster.
    """
    found = [name for name, url in contexts.servers.items() if server and _same(url, server)]
    if contexts.current in found:
        return contexts.current
    if found:
        return found[0]
    # Of the right name with another URL it may lead there through a tunnel.
    if cluster in contexts.servers:
        return cluster
    if alone and not server:
        return contexts.current or None
    reason = f"none has the server {server}" if server else f"clusters/{cluster}.yaml names no server"
    cure = "name one by --context" if alone else f"name one '{cluster}'"
    known = did_you_mean(cluster, contexts.servers)
    raise UsageError(
        f"no context of the kubeconfig leads to '{cluster}': none has its name, and {reason}; {cure}"
        + (f" ({known})" if known else "")
    )


def _same(one: str, other: str) -> bool:
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def _files(kubeconfig: Path | None) -> Iterator[Path]:
    if kubeconfig:
        if not kubeconfig.is_file():
            raise UsageError(f"{kubeconfig}: no such kubeconfig")
        yield kubeconfig
        return
    for name in os.environ.get("KUBECONFIG", _DEFAULT).split(os.pathsep):
        path = Path(name).expanduser()
        if name and path.is_file():
            yield path


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_bytes()) or {}
        for key in ("clusters", "contexts"):
            for row in data.get(key) or ():
                row["name"], row.get(key.removesuffix("s"))
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: no kubeconfig that can be read") from error
    found: dict[str, Any] = data
    return found
