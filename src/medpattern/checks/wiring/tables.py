"""Rows of the tables: how kinds refer to each other, and what a kind brings about. docs/wiring.md describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from medpattern.checks.wiring.paths import Condition, Path, Template

Conditions = tuple[Condition, ...]

# What a row speaks of that is no kind of Kubernetes.
ADDRESS, BUCKET, DATABASE, FILE, GROUP, HOST, TOPIC = (
    "address", "bucket", "database", "file", "kafka-group", "host", "topic",
)  # fmt: skip
POD, SECRET, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT = "Pod", "Secret", "Service", "ConfigMap", "ServiceAccount"


@dataclass(frozen=True, slots=True)
class Via:
    """A namespace that stands in another object: `take` is its path there; where nothing is, the row says nothing.

    `account` is the path, there, to the ServiceAccount in whose name the thing is read.
    """

    kind: Template
    name: Template
    take: Path
    account: Path


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One way in which a kind refers to something; the fields are described in docs/wiring.md."""

    at: Path
    to: Template
    name: Template
    namespace: Template | None
    keys: tuple[Template, ...]
    port: Template | None
    optional: Path | None
    when: Conditions
    unless: Conditions
    skip: re.Pattern[str] | None
    command: tuple[str, ...]
    not_command: tuple[str, ...]
    via: Via | None
    user: str
    needs: tuple[str, ...]
    split: str
    role: str
    ordered: bool
    flow: bool
    by: Template | None
    fleetwide: bool
    chain: str


@dataclass(frozen=True, slots=True)
class SelectorRow:
    """One way in which a kind selects others by their labels; `ports` are names or numbers that they must have."""

    at: Path
    of: str
    form: str
    namespaces: str
    ports: Path | None
    when: Conditions
    role: str
    flow: str


@dataclass(frozen=True, slots=True)
class ProducedRow:
    """One thing that a kind brings about; `ports` are "8080" or "name:8080"."""

    each: Path
    makes: str
    name: Template
    namespace: Template | None
    keys: tuple[Template, ...]
    open: Path | None
    is_open: bool
    ports: tuple[Template, ...]
    labels: tuple[tuple[str, Template], ...]
    labels_at: Path | None
    selects: tuple[tuple[str, Template], ...]
    selects_at: Path | None
    ingress: Path | None
    when: Conditions
    unless: Conditions
    distribution: str
    unseen: bool


@dataclass(frozen=True, slots=True)
class PlatformFlow:
    """A flow between the pods of a kind and a part of the platform: DNS, a gateway, Prometheus.

    `of` is a kind whose pods it is about, "" for all. `direction` is "to" or "from". `namespace` and `labels` name the
    pods of the platform, which a site may have elsewhere by the name `place`; `namespace_labels` a namespace without a
    known name, `host` what is no pod.
    """

    name: str
    place: str
    of: str
    direction: str
    distribution: str
    namespace: str
    labels: dict[str, str]
    namespace_labels: dict[str, str]
    host: str
    ports: tuple[tuple[str, int], ...]
    when: Conditions


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables, read. `embeds` are the kinds that hold a pod, with the path to it.

    `in_no_namespace` are the kinds that are referred to without a namespace, `inert` those that bring nothing about.
    """

    embeds: Mapping[str, Path]
    references: Mapping[str, tuple[ReferenceRow, ...]]
    selectors: Mapping[str, tuple[SelectorRow, ...]]
    environment: Mapping[str, tuple[ReferenceRow, ...]]
    produced: Mapping[str, tuple[ProducedRow, ...]]
    always: tuple[ProducedRow, ...]
    platform: tuple[PlatformFlow, ...]
    in_no_namespace: frozenset[str]
    inert: frozenset[str]

    def knows(self, kind: str) -> bool:
        """Whether it is known what objects of a kind bring about: Kubernetes' own, and those with rows."""
        group = kind.rpartition("/")[0]
        return (
            "." not in group
            or group.endswith(".k8s.io")
            or any(kind in rows for rows in (self.inert, self.produced, self.references, self.selectors))
        )

    def made_by(self, kind: str) -> frozenset[str]:
        """The kinds that an unseen object of kind `kind` may bring about, its own among them."""
        made = {kind, *(row.makes for row in self.produced.get(kind, ()) if row.unseen)}
        return frozenset(made | {POD} if kind in self.embeds else made)
