"""The layers of a cluster's values, low to high, merged once and traced when somebody asks why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from medpattern.documents.reader import Document
from medpattern.documents.validation import type_name
from medpattern.findings import Finding, KeyPath, Place, dotted
from medpattern.fleet.facts import Facts
from medpattern.fleet.merge import lookup, merge
from medpattern.fleet.places import GLOBAL_FILE, join
from medpattern.fleet.repository import Repository


@dataclass(frozen=True)
class Layer:
    """One values file in its role ("global", "group", "cluster", "shared", ...)."""

    role: str
    document: Document


@dataclass(frozen=True)
class Occurrence:
    """A place that sets a value: the highest wins, the others are shadowed."""

    role: str
    place: Place
    value: Any


Layers = tuple[Layer, ...]


def base_files(facts: Facts) -> list[tuple[str, str]]:
    """(role, file name) of the layers that the framework knows, low to high."""
    group, platform, version = facts.group, facts.platform, facts.version
    named = [
        ("global", GLOBAL_FILE),
        ("group", f"values-{group}.yaml"),
        ("platform", f"values-{platform}.yaml" if platform else ""),
        ("platform-version", f"values-{platform}-{version}.yaml" if platform and version else ""),
        ("platform-group", f"values-{platform}-{group}.yaml" if platform else ""),
        ("version-group", f"values-{version}-{group}.yaml" if version else ""),
        ("cluster", f"values-{facts.name}.yaml"),
    ]
    seen: dict[str, str] = {}
    for role, file in named:
        if file:
            seen.setdefault(file, role)
    return [(role, file) for file, role in seen.items()]


class LayerStack:
    """Collects and merges layers for the clusters of one repository; what clusters share is done once."""

    def __init__(self, repository: Repository, values_folder: str) -> None:
        self.repository = repository
        self.folder = values_folder
        self._merged: dict[tuple[int, ...], dict[str, Any]] = {(): {}}
        self._of_cluster: dict[str, Layers] = {}

    def of_cluster(self, facts: Facts) -> Layers:
        """All layers below the application's own: the framework's files, then the extra and shared ones."""
        if facts.name not in self._of_cluster:
            self._of_cluster[facts.name] = self._collected(facts)
        return self._of_cluster[facts.name]

    def _collected(self, facts: Facts) -> Layers:
        layers = []
        for role, file in base_files(facts):
            document = self.repository.document(join(self.folder, file))
            if document is not None:
                layers.append(Layer(role, document))
        base = tuple(layers)
        values = self.merged(base)
        injected = {"clusterPlatform": facts.platform, "clusterVersion": facts.version}
        injected |= {"localClusterName": facts.name, "clusterDomain": facts.domain}
        found, extra = lookup(values, ("global", "extraValueFiles"))
        base = self._with_files(base, "extra", extra if found else (), ("global", "extraValueFiles"), injected)
        found, shared = lookup(values, ("clusterGroup", "sharedValueFiles"))
        path = ("clusterGroup", "sharedValueFiles")
        return self._with_files(base, "shared", shared if found else (), path, injected)

    def of_files(self, layers: Layers, files: Sequence[str], path: KeyPath, injected: dict[str, str]) -> Layers:
        """The layers that an application's `extraValueFiles`, set at `path`, add above `layers`."""
        return self._with_files(layers, "application", files, path, injected)

    def merged(self, layers: Layers) -> dict[str, Any]:
        """All `layers` laid over each other; nulls stay as tombstones."""
        key = tuple(id(layer.document) for layer in layers)
        if key in self._merged:
            return self._merged[key]
        below = self.merged(layers[:-1])
        high = layers[-1]

        def conflict(path: KeyPath, old: Any, new: Any) -> None:
            where = place_of(layers[:-1], path)
            message = f"a {type_name(new)} is laid over the {type_name(old)} of {where}"
            self.repository.report(high.document, path, "kind-conflict", message, "use the same form in both files")

        result = merge(below, high.document.data, conflict)
        self._merged[key] = result
        return result

    def _with_files(
        self, layers: Layers, role: str, files: Sequence[Any] | None, path: KeyPath, injected: dict[str, str]
    ) -> Layers:
        for index, name in enumerate(files or ()):
            if not isinstance(name, str):
                continue
            setter = place_of(layers, (*path, index))
            layers = self._with_file(layers, role, name, setter, dotted((*path, index)), injected, ())
        return layers

    def _with_file(
        self,
        layers: Layers,
        role: str,
        name: str,
        setter: Place,
        key: str,
        injected: dict[str, str],
        chain: tuple[str, ...],
    ) -> Layers:
        """`layers` and the file `name`, followed by the value files that it names itself."""
        report = self.repository.findings.append
        name, unknown = fill_in(name, self.merged(layers), injected)
        if unknown:
            cure = "only {{ $.Values.<path> }} of a value that is set can stand there"
            report(Finding("value-file-template", f"{unknown} cannot be filled in", setter, key, cure))
            return layers
        file = self._locate(name)
        if file is None:
            cure = f"make {join(self.folder, name.lstrip('/'))} or remove the entry"
            report(Finding("value-file-missing", f"the value file '{name}' does not exist", setter, key, cure))
            return layers
        if file in chain:
            circle = " -> ".join((*chain[chain.index(file) :], file))
            report(Finding("value-file-cycle", f"value files include each other: {circle}", setter, key, "break it"))
            return layers
        document = self.repository.document(file)
        if document is None:
            return layers
        layers = (*layers, Layer(role, document))
        for path in (("global", "extraValueFiles"), ("clusterGroup", "sharedValueFiles")):
            found, inner = lookup(document.data, path)
            for index, entry in enumerate(inner if found and isinstance(inner, list) else ()):
                inner_path = (*path, index)
                layers = self._with_file(
                    layers,
                    role,
                    str(entry),
                    document.place(inner_path),
                    dotted(inner_path),
                    injected,
                    (*chain, file),
                )
        return layers

    def _locate(self, name: str) -> str | None:
        """A value file's name is looked up below the values folder, then below the repository."""
        relative = name.removeprefix("$patternref").lstrip("/")
        if ".." in relative.split("/"):
            return None
        for candidate in dict.fromkeys((join(self.folder, relative), relative)):
            if self.repository.document(candidate) is not None or self.repository.files[candidate]:
                return candidate
        return None


_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_REFERENCE = re.compile(r"\$?\.Values\.([A-Za-z0-9_.]+)$")


def fill_in(name: str, values: dict[str, Any], injected: dict[str, str]) -> tuple[str, str]:
    """`name` with each `{{ $.Values.a.b }}` replaced; the second item is the first one that cannot be.

    Upstream runs these names through Helm's `tpl`; nothing but plain references is in use there.
    """
    unknown = ""

    def replace(match: re.Match[str]) -> str:
        nonlocal unknown
        reference = _REFERENCE.match(match[1])
        path = tuple(reference[1].split(".")) if reference else ()
        found, value = lookup(values, path) if path else (False, None)
        if not found and len(path) == 2 and path[0] == "global":
            value = injected.get(path[1], "")
        if isinstance(value, dict | list) or value in (None, ""):
            unknown = unknown or match[0]
            return ""
        return str(value)

    return _ACTION.sub(replace, name), unknown


def trace(layers: Layers, path: KeyPath, below: int = 0) -> Iterator[Occurrence]:
    """Every layer that sets `path` itself or sets a whole map, list or null above it; winner first.

    Only what stands deeper than the first `below` keys counts.
    """
    for layer in reversed(layers):
        for end in range(len(path), below, -1):
            found, value = lookup(layer.document.data, path[:end])
            if found and (end == len(path) or not isinstance(value, dict)):
                yield Occurrence(layer.role, layer.document.place(path[:end]), value)
                break


def place_of(layers: Layers, path: KeyPath) -> Place:
    """The place of the winning value of `path`, or of the deepest part of it that any layer sets."""
    for end in range(len(path), 0, -1):
        for layer in reversed(layers):
            found, _ = lookup(layer.document.data, path[:end])
            if found:
                return layer.document.place(path[:end])
    return Place(layers[-1].document.file if layers else GLOBAL_FILE)
