"""The sections of `clusterGroup`, in list or map form, as dataclasses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medpattern.documents.scalars import Scalar
from medpattern.findings import KeyPath

Path = KeyPath


@dataclass(frozen=True)
class Namespace:
    """A namespace to make. `targets` are the OperatorGroup's: None = itself, () = all namespaces."""

    name: str
    key: Path
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    operator_group: bool = False
    asks_operator_group: bool = False
    targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Subscription:
    """An operator by OLM."""

    name: str
    key: Path
    namespace: str
    channel: str
    source: str
    source_namespace: str
    csv: str
    approval: str
    config: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Override:
    """One value that wins over all files; `path` is dotted, as Helm's --set has it."""

    path: str
    value: Scalar
    force_string: bool
    key: Path


@dataclass(frozen=True)
class Application:
    """One entry of clusterGroup.applications. Empty strings mean: not given."""

    name: str
    key: Path
    namespace: str = ""
    project: str = ""
    project_key: str = field(default="argoProject", compare=False)
    path: str = ""
    repo_url: str = ""
    chart: str = ""
    chart_version: str = ""
    target_revision: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    extra_value_files: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    extra_namespaces: tuple[str, ...] = ()
    ignore_differences: tuple[dict[str, Any], ...] = ()
    sync_policy: str | dict[str, Any] | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    disabled: bool = False

    @property
    def is_remote(self) -> bool:
        """Whether its chart or folder lies in another repository."""
        return bool(self.chart or self.repo_url)


@dataclass(frozen=True)
class Project:
    """An AppProject by name."""

    name: str
    key: Path


def namespaces(group: dict[str, Any]) -> tuple[Namespace, ...]:
    """The enabled entries of `clusterGroup.namespaces`, in order.

    As upstream has it, the map form makes an OperatorGroup unless `operatorGroup: false`, and the list
    form makes one for bare names and for entries with `operatorGroup: true`.
    """
    base = ("clusterGroup", "namespaces")
    excluded = set(_words(group.get("operatorgroupExcludes")))
    section = group.get("namespaces")
    result = []
    if isinstance(section, dict):
        for name, entry in section.items():
            result.append(_namespace(name, entry or {}, (*base, name), default=True))
    elif isinstance(section, list):
        for index, item in enumerate(section):
            if isinstance(item, str):
                result.append(_namespace(item, {}, (*base, index), default=True))
            elif isinstance(item, dict):
                result += [_namespace(name, entry or {}, (*base, index), default=False) for name, entry in item.items()]
    return tuple(
        _without_operator_group(item) if item.name in excluded else item for item in result if item is not None
    )


def _namespace(name: str, entry: dict[str, Any], key: Path, *, default: bool) -> Namespace | None:
    if entry.get("disabled"):
        return None
    targets: tuple[str, ...] | None = None
    if "targetNamespaces" in entry:
        targets = _words(entry["targetNamespaces"])
    return Namespace(
        name=name,
        key=key,
        labels=_strings(entry.get("labels")),
        annotations=_strings(entry.get("annotations")),
        operator_group=bool(entry.get("operatorGroup", default)),
        asks_operator_group=bool(entry.get("operatorGroup", False)),
        targets=targets,
    )


def _without_operator_group(item: Namespace) -> Namespace:
    return Namespace(item.name, item.key, item.labels, item.annotations)


def subscriptions(group: dict[str, Any], options: dict[str, Any]) -> tuple[Subscription, ...]:
    """The enabled entries of `clusterGroup.subscriptions`, with the framework's defaults."""
    approval = options.get("installPlanApproval") or "Automatic"
    return tuple(
        Subscription(
            name=entry.get("name") or name,
            key=key,
            namespace=entry.get("namespace") or "openshift-operators",
            channel=entry.get("channel") or "",
            source=entry.get("source") or "redhat-operators",
            source_namespace=entry.get("sourceNamespace") or "openshift-marketplace",
            csv=entry.get("csv") or "",
            approval=entry.get("installPlanApproval") or approval,
            config=entry.get("config") or {},
            annotations=_strings(entry.get("annotations")),
        )
        for name, key, entry in _entries(group, "subscriptions")
        if not entry.get("disabled")
    )


def applications(group: dict[str, Any]) -> tuple[Application, ...]:
    """All entries of `clusterGroup.applications`, disabled ones included: their rights outlive them."""
    return tuple(
        Application(
            name=entry.get("name") or name,
            key=key,
            namespace=entry.get("namespace") or "",
            project=entry.get("argoProject") or entry.get("project") or "",
            project_key="project" if entry.get("project") and not entry.get("argoProject") else "argoProject",
            path=(entry.get("path") or "").strip("/"),
            repo_url=entry.get("repoURL") or "",
            chart=entry.get("chart") or "",
            chart_version=entry.get("chartVersion") or "",
            target_revision=entry.get("targetRevision") or "",
            values=entry.get("values") or {},
            overrides=_overrides(entry.get("overrides"), (*key, "overrides")),
            extra_value_files=_words(entry.get("extraValueFiles")),
            depends_on=_words(entry.get("dependsOn")),
            kinds=_words(entry.get("kinds")),
            extra_namespaces=_words(entry.get("extraNamespaces")),
            ignore_differences=tuple(item for item in entry.get("ignoreDifferences") or () if isinstance(item, dict)),
            sync_policy=entry.get("syncPolicy"),
            annotations=_strings(entry.get("annotations")),
            disabled=bool(entry.get("disabled")),
        )
        for name, key, entry in _entries(group, "applications")
    )


def projects(group: dict[str, Any]) -> tuple[Project, ...]:
    """`clusterGroup.argoProjects`, or its old name `projects`."""
    word = "argoProjects" if group.get("argoProjects") else "projects"
    section = group.get(word) or ()
    base = ("clusterGroup", word)
    if isinstance(section, dict):
        return tuple(Project(name, (*base, name)) for name in section)
    return tuple(Project(name, (*base, index)) for index, name in enumerate(section) if isinstance(name, str))


def _entries(group: dict[str, Any], word: str) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    section = group.get(word)
    base = ("clusterGroup", word)
    if isinstance(section, dict):
        for name, entry in section.items():
            if isinstance(entry, dict):
                yield name, (*base, name), entry
    elif isinstance(section, list):
        for index, entry in enumerate(section):
            if isinstance(entry, dict):
                yield "", (*base, index), entry


def _overrides(section: Any, key: Path) -> tuple[Override, ...]:
    if isinstance(section, dict):
        items: list[tuple[str | int, Any]] = list(section.items())
    else:
        items = list(enumerate(section or ()))
    return tuple(
        Override(entry["name"], entry["value"], bool(entry.get("forceString")), (*key, index))
        for index, entry in items
        if isinstance(entry, dict) and entry.get("name") and "value" in entry
    )


def _words(section: Any) -> tuple[str, ...]:
    """The texts of a list; what breaks the schema has been made null and is left out."""
    return tuple(item for item in section or () if isinstance(item, str))


def _strings(section: Any) -> dict[str, str]:
    """Labels and annotations are strings to Kubernetes; upstream quotes whatever stands there."""
    return {
        key: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for key, value in (section or {}).items()
    }
