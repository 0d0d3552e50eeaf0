"""Files in containers: which key of which Secret or ConfigMap a path is, by the volumes that are mounted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.checks.wiring.tables import CONFIG_MAP, SECRET


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume in a container. `names` are the files that `items` gives other names, with their keys.

    `kind` and `name` are "" for a volume that holds something else: an empty folder, a claim.
    """

    folder: str
    kind: str
    name: str
    names: dict[str, str]
    sub_path: str = ""
    optional: bool = False

    def covers(self, file: str) -> bool:
        """Whether `file` is the folder or lies in it."""
        return file == self.folder or file.startswith(self.folder.rstrip("/") + "/")

    def key(self, file: str) -> str:
        """The key that `file` is; "" if it is the folder."""
        if self.sub_path:
            return self.names.get(self.sub_path, self.sub_path) if file == self.folder else ""
        inside = file[len(self.folder.rstrip("/")) + 1 :]
        return self.names.get(inside, inside)


def mounts_of(container: dict[str, Any], volumes: Any) -> list[Mount]:
    """What is mounted in a container, the longest folder first."""
    by_name = {item["name"]: item for item in _dicts(volumes) if isinstance(item.get("name"), str)}
    found = [
        mount
        for item in _dicts(container.get("volumeMounts"))
        if isinstance(item.get("mountPath"), str) and isinstance(item.get("name"), str)
        for mount in _mounts(item, by_name.get(item["name"], {}))
    ]
    return sorted(found, key=lambda mount: -len(mount.folder))


def _mounts(item: dict[str, Any], volume: dict[str, Any]) -> Iterator[Mount]:
    sub_path = item["subPath"] if isinstance(item.get("subPath"), str) else ""
    sources = list(_sources(volume))
    for kind, name, part in sources or [("", "", {})]:
        yield Mount(item["mountPath"], kind, name, _items(part), sub_path, part.get("optional") is True)


def _sources(volume: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, name, declaration) of what a volume is made of."""
    projected = volume.get("projected")
    inside = _dicts(projected.get("sources") if isinstance(projected, dict) else None)
    for source in (volume, *inside):
        for word, kind in (("secret", SECRET), ("configMap", CONFIG_MAP)):
            part = source.get(word)
            if isinstance(part, dict):
                yield kind, str(part.get("secretName") or part.get("name") or ""), part


def _items(part: dict[str, Any]) -> dict[str, str]:
    """File -> key, where `items` names them."""
    return {str(item.get("path", "")): str(item.get("key", "")) for item in _dicts(part.get("items"))}


def _dicts(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        yield from (item for item in data if isinstance(item, dict))
