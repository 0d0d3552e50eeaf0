"""One reading of a cluster's objects, and what is found wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
Kind = tuple[str, str]  # group, kind: the version is the server's business

APPLICATION: Kind = ("argoproj.io", "Application")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a login sees of a cluster.

    Attributes:
        objects: of each kind that could be listed, sorted by namespace and name; those of Argo CD may be another
            cluster's, which applies this one's.
        now: the API server's clock.
        absent: kinds that the server does not know.
        refused: kinds that the login may not list, with the server's words.
        cluster: the cluster's name in the repository; "" if that was not asked for.
        server: its URL.
        version: the answer of /version.
        served: groups and versions of the API, such as "apps/v1".
    """

    objects: Mapping[Kind, tuple[Object, ...]]
    now: datetime
    absent: frozenset[Kind] = frozenset()
    refused: Mapping[Kind, str] = field(default_factory=dict)
    cluster: str = ""
    server: str = ""
    version: Mapping[str, Any] = field(default_factory=dict)
    served: tuple[str, ...] = ()

    def of(self, *kinds: Kind) -> Iterator[Object]:
        """The objects of some kinds; none of those that were not seen."""
        for kind in kinds:
            yield from self.objects.get(kind, ())

    def has(self, kind: Kind) -> bool:
        """Whether the kind was seen, be it without objects."""
        return kind in self.objects

    def names(self, kind: Kind) -> set[tuple[str, str]]:
        """Namespace and name of all objects of a kind."""
        return {named(one) for one in self.of(kind)}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with an object, by what cause, and its cure; `code` names the check (docs/doctor.md)."""

    code: str
    kind: str
    namespace: str
    name: str
    cause: str
    cure: str

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind}/{self.name}{where}: [{self.code}] {self.cause}; {self.cure}"

    def as_json(self) -> dict[str, str]:
        """As `--output json` prints it."""
        return {key: getattr(self, key) for key in ("code", "kind", "namespace", "name", "cause", "cure")}


@dataclass(frozen=True, slots=True)
class Check:
    """One complaint: its code, the kinds without which nobody can tell, and the function that looks.

    `any_of` are kinds of which one is enough. What stands in neither is not listed for it.
    """

    code: str
    kinds: tuple[Kind, ...]
    look: Callable[[Snapshot], Iterable[Said]]
    any_of: tuple[Kind, ...] = ()


# What a check says: the object, the cause, the cure.
Said = tuple[Object, str, str]


def named(thing: Object) -> tuple[str, str]:
    """Namespace ("" without one) and name."""
    metadata = thing["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def spec(thing: Object) -> Object:
    """The object's spec, empty where there is none."""
    return thing.get("spec") or {}


def status(thing: Object) -> Object:
    """The object's status, empty where nobody has written one."""
    return thing.get("status") or {}


def labels(thing: Object) -> dict[str, str]:
    """The object's labels."""
    return thing["metadata"].get("labels") or {}


def condition(thing: Object, name: str = "Ready") -> Object:
    """One of the object's conditions, empty where there is none of that name."""
    found: Iterable[Object] = status(thing).get("conditions") or ()
    return next((one for one in found if one.get("type") == name), {})


def words(one: Object) -> str:
    """Reason and message of a condition, in one line."""
    parts = (str(one.get("reason") or ""), str(one.get("message") or ""))
    return " ".join(": ".join(part for part in parts if part).split()) or "no reason is given"


def age(thing: Object, now: datetime, *, key: str = "creationTimestamp") -> float:
    """Seconds since a time in the object's metadata; 0 where there is none."""
    return since(thing["metadata"].get(key), now)


def since(text: Any, now: datetime) -> float:
    """Seconds since a time as Kubernetes writes it; 0 for what is none."""
    try:
        return (now - datetime.fromisoformat(str(text)).astimezone(UTC)).total_seconds() if text else 0.0
    except ValueError:
        return 0.0
