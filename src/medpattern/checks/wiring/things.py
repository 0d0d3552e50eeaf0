"""What the graph is made of: things with names, what makes them, and who refers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from medpattern.checks.manifests import Manifest
from medpattern.findings import KeyPath


class Thing(NamedTuple):
    """Something that can be referred to. `kind` is group/Kind, or a word for what is no kind, as "bucket".

    `namespace` is "" for what is in none.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = self.kind.rpartition("/")[2]
        return f"{kind} {self.name}" + (f" in {self.namespace}" if self.namespace else "")


class Port(NamedTuple):
    """A port of a pod or a Service; of a Service with the pod's port, a number or a name, that it leads to."""

    name: str
    number: int
    target: int | str = 0

    def answers(self, asked: int | str) -> bool:
        """Whether it is the one that `asked` means."""
        return asked == self.number if isinstance(asked, int) else asked in (self.name, str(self.number))


@dataclass(frozen=True, slots=True, eq=False)
class Provision:
    """That a thing is there, and what is known of it.

    Attributes:
        thing: its name.
        maker: the object that brings it about; None for what every cluster has, or a site gives.
        keys: those of a Secret or ConfigMap; None if it may have any.
        ports: of a Pod or Service.
        labels: of a Pod, or of an object.
        selector: what a Service leads to, or a policy is for; None if it says nothing of that.
        ingress: the peers of a policy that an operator writes; None for everyone.
        path: the part of the maker that brings it about.
    """

    thing: Thing
    maker: Manifest | None = None
    keys: frozenset[str] | None = None
    ports: tuple[Port, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)
    selector: dict[str, Any] | None = None
    ingress: list[Any] | None = None
    path: KeyPath = ()


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """That an object refers to a thing, and where it says so.

    Attributes:
        user: the object.
        path: where it says so.
        thing: what it refers to; the namespace is the object's own where it says none.
        keys: the keys that must be there.
        port: the port that must be there, 0 if none is asked for.
        credentials: the Secrets by which the user says to Kafka who it is.
        account: the ServiceAccount in whose name it is read, if that is another's.
        needs: what it must be allowed to do.
        shown: how an address stood there.
        by: the Service whose pods connect to it, where that is somebody else than the user.
        chain: "forth" or "back" where an image or its result goes from the user to the thing, or back.
    """

    user: Manifest
    path: KeyPath
    thing: Thing
    role: str
    keys: tuple[str, ...] = ()
    port: int | str = 0
    optional: bool = False
    ordered: bool = True
    flow: bool = False
    fleetwide: bool = False
    credentials: tuple[Thing, ...] = ()
    account: Thing | None = None
    needs: tuple[str, ...] = ()
    shown: str = ""
    chain: str = ""
    by: Thing | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """That an object selects things by their labels, and where it says so.

    `namespaces` None means all; `ports` are the names or numbers that what is selected must have, with their paths.
    """

    user: Manifest
    path: KeyPath
    of: str
    selector: Selector
    role: str
    namespaces: frozenset[str] | None
    ports: tuple[tuple[KeyPath, int | str], ...] = ()
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Unmounted:
    """That a variable names a file which no volume brings."""

    user: Manifest
    path: KeyPath
    variable: str
    file: str


class Selector(NamedTuple):
    """A label selector: labels that must be equal, and expressions (key, operator, values)."""

    labels: tuple[tuple[str, str], ...]
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @property
    def weight(self) -> int:
        """How much it asks for."""
        return len(self.labels) + len(self.expressions)

    def matches(self, labels: dict[str, Any]) -> bool:
        """Whether something with these labels is selected; an empty selector selects everything."""
        for key, value in self.labels:
            if labels.get(key) != value:
                return False
        return all(_holds(labels, *expression) for expression in self.expressions)

    def __str__(self) -> str:
        words = [f"{key}={value}" for key, value in self.labels]
        words += [f"{key} {operator} {'|'.join(values)}".rstrip() for key, operator, values in self.expressions]
        return ", ".join(words) or "everything"


def _holds(labels: dict[str, Any], key: str, operator: str, values: tuple[str, ...]) -> bool:
    found = labels.get(key)
    if operator == "In":
        return found in values
    if operator == "NotIn":
        return found not in values
    return (found is not None) is (operator == "Exists") if operator in ("Exists", "DoesNotExist") else True


def read_selector(data: Any) -> Selector | None:
    """The selector in an object (`matchLabels`, `matchExpressions`); None if it is no map."""
    if not isinstance(data, dict):
        return None
    expressions = data.get("matchExpressions")
    return Selector(
        read_labels(data.get("matchLabels")),
        tuple(
            (str(item.get("key", "")), str(item.get("operator", "")), _texts(item.get("values")))
            for item in (expressions if isinstance(expressions, list) else ())
            if isinstance(item, dict)
        ),
    )


def read_labels(data: Any) -> tuple[tuple[str, str], ...]:
    """The labels of a map, sorted."""
    return tuple(sorted((str(key), str(value)) for key, value in data.items())) if isinstance(data, dict) else ()


def _texts(data: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in data) if isinstance(data, list) else ()


def kind_of(manifest: Manifest) -> str:
    """Its kind as the tables name it: group/Kind, or the kind alone in the core group."""
    return kind_name(manifest.group, manifest.kind)


def kind_name(group: str, kind: str) -> str:
    """group/Kind, or the kind alone in the core group."""
    return f"{group}/{kind}" if group else kind
