"""Kubernetes objects as checks see them: what a cluster gets, and where each part of it comes from."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from medpattern.findings import KeyPath, Place
from medpattern.fleet.facts import KUBERNETES

WAVE = "argocd.argoproj.io/sync-wave"

Locate = Callable[[KeyPath], Place]
T = TypeVar("T")


def everywhere(place: Place) -> Locate:
    """A locator that knows one place only."""
    return lambda _path: place


class ObjectKey(NamedTuple):
    """What names an object in a cluster; `group` is "" for the core group, `namespace` for what is in none."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in {self.namespace}" if self.namespace else "")


class Shared:
    """The parts of an object that its likes on other clusters have too: the very same maps and lists.

    `ids` are those of the largest such parts. What a check has found below one of them holds for all of the likes.
    """

    def __init__(self, ids: frozenset[int] = frozenset()) -> None:
        self.ids = ids
        self._kept: dict[tuple[str, int], Any] = {}

    def once(self, what: str, part: object, work_out: Callable[[], T]) -> T:
        """`work_out()` for a part that is shared, worked out once; `what` names the question."""
        key = (what, id(part))
        if key not in self._kept:
            self._kept[key] = work_out()
        found: T = self._kept[key]
        return found


NOTHING_SHARED = Shared()


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """One object. Two of them are equal only if they are the same.

    `namespace` is where the object goes, also where `data` leaves that to the release. `app` is the application that
    makes it, "" for what the root applies. `wave` is that application's sync wave. `locate` finds the line of the value
    or template that causes a path of `data`. `api_version` is like "apps/v1", `kind` like "Deployment"; `group` is ""
    for the core group. `shared` tells which parts of `data` other objects have too. `told` has
    (code, path) of findings that rendering makes itself, at a better place.
    """

    data: dict[str, Any] = field(repr=False)
    namespace: str
    app: str
    wave: int
    locate: Locate = field(repr=False)
    shared: Shared = field(default=NOTHING_SHARED, repr=False)
    told: frozenset[tuple[str, KeyPath]] = field(default=frozenset(), repr=False)
    api_version: str = field(init=False, repr=False)
    group: str = field(init=False, repr=False)
    kind: str = field(init=False)
    _content: bytes | None = field(init=False, default=b"", repr=False)

    def __post_init__(self) -> None:
        # Every check asks for these, so they are worked out once.
        api_version = str(self.data.get("apiVersion", ""))
        object.__setattr__(self, "api_version", api_version)
        object.__setattr__(self, "group", api_version.rpartition("/")[0])
        object.__setattr__(self, "kind", str(self.data.get("kind", "")))

    def content(self) -> bytes | None:
        """A digest of `data`, the same for equal ones alone; None for what is no plain data."""
        if self._content == b"":
            object.__setattr__(self, "_content", _digest(self.data))
        return self._content

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata; {} if that is no map."""
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """Its name; "" where only generateName is set."""
        return str(self.metadata.get("name", ""))

    @property
    def key(self) -> ObjectKey:
        """Its name in the cluster."""
        return ObjectKey(self.group, self.kind, self.namespace, self.name)

    @property
    def own_wave(self) -> int:
        """The sync wave among the objects of its application; what is no number counts as 0, as in Argo CD."""
        annotations = self.metadata.get("annotations")
        text = str(annotations.get(WAVE, "0")) if isinstance(annotations, dict) else "0"
        try:
            return int(text)
        except ValueError:
            return 0

    def labels(self) -> dict[str, str]:
        """Its labels; {} if there are none."""
        found = self.metadata.get("labels")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Inventory:
    """Everything that one cluster gets, as far as it is known.

    Attributes:
        cluster: its name.
        distribution: "openshift" or "kubernetes".
        kubernetes_version: such as "1.34"; "" if unknown.
        manifests: every object that is known.
        unseen: applications whose objects are not known (remote charts, ordinary ones without Helm) -> what their
            values say that they make, as (group, kind), and into which namespace.
        given: what the site brings along (`medpattern.given`), as KIND/NAMESPACE/NAME or KIND/NAME.
        reach: how Argo CD reaches the cluster; None if that is not known.
        places: parts of the platform by name, and the namespaces in which the site has them (`medpattern.places`).
        kept: what checks have worked out from it for the checks after them.
    """

    cluster: str
    distribution: str = KUBERNETES
    kubernetes_version: str = ""
    manifests: tuple[Manifest, ...] = ()
    unseen: dict[str, Unseen] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    reach: Reach | None = None
    places: dict[str, str] = field(default_factory=dict)
    kept: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def of_kind(self, group: str, *kinds: str) -> list[Manifest]:
        """The objects of some kinds of one group."""
        return [found for kind in kinds for found in self._by_kind.get((group, kind), ())]

    @cached_property
    def _by_kind(self) -> dict[tuple[str, str], list[Manifest]]:
        found: dict[tuple[str, str], list[Manifest]] = {}
        for manifest in self.manifests:
            found.setdefault((manifest.group, manifest.kind), []).append(manifest)
        return found


@dataclass(frozen=True, slots=True)
class Reach:
    """How Argo CD reaches a cluster.

    `server` is its API server's URL, "" if unknown; `pushed_by` the cluster whose Argo CD applies it, "" for itself;
    `locate` finds the line of a fact, such as ("server",).
    """

    server: str
    pushed_by: str
    locate: Locate = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unseen:
    """An application whose objects medpattern cannot know: its namespace and the kinds it says that it makes."""

    namespace: str
    kinds: frozenset[tuple[str, str]]


def value_at(data: Any, path: Iterable[str | int]) -> Any:
    """What stands at `path` in an object; None if nothing does."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and -len(data) <= key < len(data):
            data = data[key]
        else:
            return None
    return data


def _digest(data: dict[str, Any]) -> bytes | None:
    try:
        return blake2b(marshal.dumps(data, 2), digest_size=16).digest()
    except ValueError:
        return None
