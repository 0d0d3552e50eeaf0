"""Flows and their ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.things import Provision
from medpattern.findings import KeyPath


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """One side of a flow.

    Pods have a `namespace` and `labels`; of pods that are not known, `labels` is None. A `host` is outside. With
    neither a namespace nor a host it is anything; `namespace_labels` are those of a namespace without a known name.
    """

    namespace: str = ""
    labels: dict[str, str] | None = None
    host: str = ""
    name: str = ""
    namespace_labels: dict[str, str] = field(default_factory=dict)
    pod: Provision | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two ends one."""
        return self.namespace, self.name, self.host, *sorted(self.namespace_labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, End) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        if self.host:
            return self.host
        if self.name:
            return self.name + (f" in {self.namespace}" if self.namespace else "")
        return f"pods in {self.namespace}" if self.namespace else "any address"


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that somebody needs: from where, to where, the port and protocol, and what for.

    `manifest` and `path` are what needs it; None for what the platform needs.
    """

    source: End
    target: End
    port: int
    protocol: str = "TCP"
    reason: str = ""
    manifest: Manifest | None = field(default=None, compare=False, repr=False)
    path: KeyPath = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two flows one."""
        return (*self.source.key, *self.target.key, str(self.port), self.protocol)


def end_of(pod: Provision) -> End:
    """A pod as the end of a flow."""
    labels = {str(key): str(value) for key, value in pod.labels.items()}
    return End(pod.thing.namespace, labels, name=pod.thing.name, pod=pod)


def number_of(pod: Provision, target: int | str) -> int:
    """The number of a pod's port; 0 if it has none of that name."""
    if isinstance(target, int):
        return target
    return next((item.number for item in pod.ports if item.answers(target)), 0)
