"""Which context of a kubeconfig leads to a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from medpattern.errors import UsageError
from medpattern.findings import did_you_mean

_DEFAULT = "~/.kube/config"
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class Contexts:
    """What a kubeconfig offers: the URL of the API server by context; `current` is "" if it names none."""

    servers: dict[str, str] = field(default_factory=dict)
    current: str = ""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The parts of a kubeconfig by name, of several files the first of each; paths in it are absolute."""

    contexts: dict[str, dict[str, Any]]
    clusters: dict[str, dict[str, Any]]
    users: dict[str, dict[str, Any]]
    current: str

    def alone(self, context: str) -> dict[str, Any] | None:
        """A kubeconfig with that context and what it needs; None where that does not do.

        It does not where a name is not there, which the library says best, or where a login by an auth-provider has to
        write its new token back into the file.
        """
        wanted = self.contexts.get(context) or {}
        cluster, user = self.clusters.get(str(wanted.get("cluster"))), self.users.get(str(wanted.get("user")))
        if cluster is None or user is None or "auth-provider" in user:
            return None
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [{"name": context, "context": wanted}],
            "clusters": [{"name": wanted["cluster"], "cluster": cluster}],
            "users": [{"name": wanted["user"], "user": user}],
        }


def read_kubeconfig(kubeconfig: Path | None = None) -> Kubeconfig:
    """A file, or those of KUBECONFIG, or ~/.kube/config; each read once as long as it does not change.

    Raises:
        UsageError: the named file is not there, or a file is no kubeconfig.
    """
    return _merged(tuple((path, path.stat().st_mtime_ns) for path in _files(kubeconfig)))


def read_contexts(kubeconfig: Path | None = None) -> Contexts:
    """The contexts of a kubeconfig. Nothing is logged in to. Without any file there are none, as in a pod.

    Raises:
        UsageError: the named file is not there, or a file is no kubeconfig.
    """
    found = read_kubeconfig(kubeconfig)
    servers = {name: str(cluster.get("server") or "") for name, cluster in found.clusters.items()}
    return Contexts(
        {name: servers.get(str(one.get("cluster")), "") for name, one in found.contexts.items()}, found.current
    )


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


@lru_cache(maxsize=8)
def _merged(files: tuple[tuple[Path, int], ...]) -> Kubeconfig:
    found = Kubeconfig({}, {}, {}, "")
    current = ""
    for path, _ in files:
        data = _read(path)
        current = current or str(data.get("current-context") or "")
        for part, rows in (("contexts", found.contexts), ("clusters", found.clusters), ("users", found.users)):
            for row in data.get(part) or ():
                rows.setdefault(str(row["name"]), _absolute(row.get(part.removesuffix("s")) or {}, path.parent))
    return replace(found, current=current)


def _absolute(part: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths in a kubeconfig are relative to the file that they stand in."""
    made = {**part, **{key: str(folder / part[key]) for key in _PATHS if part.get(key)}}
    command = (part.get("exec") or {}).get("command", "")
    if os.sep in command:
        made["exec"] = {**part["exec"], "command": str(folder / command)}
    return made


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.load(path.read_bytes(), yaml.CSafeLoader) or {}
        for part in ("contexts", "clusters", "users"):
            for row in data.get(part) or ():
                dict(row.get(part.removesuffix("s")) or {}, name=row["name"])
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: no kubeconfig that can be read") from error
    found: dict[str, Any] = data
    return found
