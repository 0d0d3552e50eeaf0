"""The graph of a cluster: what is there, who refers to it, who selects it, and what cannot be known."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.wiring.provisions import POLICY, always_there, provisions_of
from medpattern.checks.wiring.references import Reader, Uses
from medpattern.checks.wiring.rows import tables
from medpattern.checks.wiring.tables import (
    CONFIG_MAP,
    DATABASE,
    GROUP,
    HOST,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Tables,
)
from medpattern.checks.wiring.things import Provision, Reference, Selection, Thing, kind_name, kind_of
from medpattern.fleet.audit import is_platform_namespace

# What an object of a kind that the tables do not know may bring about.
_MADE_BY_OPERATORS = frozenset({POD, SECRET, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT})
# Kinds that nothing makes: any name will do.
_FREE = frozenset({HOST, GROUP, DATABASE})


@dataclass
class Graph:
    """The wiring of one cluster.

    `provisions` are the things that are there, pods of one name as one; `policies` those that an operator writes.
    """

    inventory: Inventory
    tables: Tables
    provisions: dict[Thing, Provision] = field(default_factory=dict)
    policies: list[Provision] = field(default_factory=list)
    uses: dict[Manifest, Uses] = field(default_factory=dict)

    @classmethod
    def of(cls, inventory: Inventory, known: Tables | None = None) -> Graph:
        """The graph of a cluster; `known` are other tables than those that ship with medpattern.

        It is drawn once for an inventory: all checks of wiring ask for the same.
        """
        if known is not None:
            return cls._drawn(inventory, known)
        if cls not in inventory.kept:
            inventory.kept[cls] = cls._drawn(inventory, tables())
        graph: Graph = inventory.kept[cls]
        return graph

    @classmethod
    def _drawn(cls, inventory: Inventory, known: Tables) -> Graph:
        graph = cls(inventory, known)
        for manifest in inventory.manifests:
            for provision in provisions_of(manifest, graph.tables, inventory.distribution):
                graph._add(provision)
        reader = Reader(graph.tables, graph._object, graph.namespaces)
        graph.uses = {manifest: reader.uses_of(manifest) for manifest in inventory.manifests}
        return graph

    def _add(self, provision: Provision) -> None:
        if provision.thing.kind == POLICY and provision.maker and kind_of(provision.maker) != POLICY:
            self.policies.append(provision)
            return
        before = self.provisions.get(provision.thing)
        if before is None:
            self.provisions[provision.thing] = provision
        elif before.maker is provision.maker or before.thing.kind == POD:
            keys = None if before.keys is None or provision.keys is None else before.keys | provision.keys
            ports = tuple(dict.fromkeys((*before.ports, *provision.ports)))
            self.provisions[provision.thing] = replace(before, keys=keys, ports=ports)

    def _object(self, kind: str, namespace: str, name: str) -> Manifest | None:
        found = self.provisions.get(Thing(kind, namespace, name)) or self.provisions.get(Thing(kind, "", name))
        return found.maker if found else None

    # ---- questions -----------------------------------------------------------------------------------------------

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that are declared, or that objects are put into."""
        return self.declared | {found.namespace for found in self.inventory.manifests} - {""}

    @cached_property
    def declared(self) -> frozenset[str]:
        """The namespaces that are declared."""
        return frozenset(found.name for found in self.inventory.of_kind("", "Namespace"))

    def references(self) -> Iterator[Reference]:
        """All references, in the order of the objects."""
        for uses in self.uses.values():
            yield from uses.references

    def selections(self) -> Iterator[Selection]:
        """All selections, in the order of the objects."""
        for uses in self.uses.values():
            yield from uses.selections

    def find(self, thing: Thing) -> Provision | None:
        """What is there under a name: in its namespace, in none, on every cluster, or as the site says."""
        found = self.provisions.get(thing)
        if found is None and thing.kind == DATABASE:
            # Which one stands in the store of secrets.
            return next(iter(self.of_kind(DATABASE)), None)
        if found is None and thing.namespace:
            found = self.provisions.get(thing._replace(namespace=""))
        return found or self._always(thing)

    def _always(self, thing: Thing) -> Provision | None:
        return next((item for item in self._patterns.get(thing.kind, ()) if _fits(item.thing, thing)), None)

    @cached_property
    def _patterns(self) -> dict[str, list[Provision]]:
        """By kind, what has a pattern for a name: what every cluster has."""
        found: dict[str, list[Provision]] = {}
        for item in always_there(self.tables, self.inventory.distribution):
            found.setdefault(item.thing.kind, []).append(item)
        return found

    def is_given(self, thing: Thing) -> bool:
        """Whether the values say that the site brings it along (`medpattern.given`)."""
        kind = thing.kind.rpartition("/")[2]
        words = "/".join(filter(None, (kind, thing.namespace, thing.name)))
        bare = f"{kind}/{thing.name}"
        return any(fnmatch.fnmatchcase(words, item) or item == bare for item in self.inventory.given)

    def is_unknown(self, thing: Thing) -> bool:
        """Whether something may make it that medpattern cannot look into, or the platform brings it along."""
        if thing.kind in _FREE:
            return True
        if self._is_the_platforms(thing.namespace):
            return True
        return any(thing.kind in kinds and thing.namespace in ("", space) for space, kinds in self._unseen)

    def may_have_unseen(self, kind: str, namespaces: Iterable[str] | None) -> bool:
        """Whether there may be things of a kind, in some namespaces, that medpattern cannot look into."""
        wanted = None if namespaces is None else set(namespaces)
        if wanted and any(map(self._is_the_platforms, wanted)):
            return True
        return any(kind in kinds and (wanted is None or space in wanted) for space, kinds in self._unseen)

    def _is_the_platforms(self, namespace: str) -> bool:
        return namespace not in self.declared and is_platform_namespace(namespace)

    @cached_property
    def _unseen(self) -> list[tuple[str, frozenset[str]]]:
        """(namespace, kinds) of what cannot be looked into, with what these kinds bring about."""
        strange = {found.namespace for found in self.inventory.manifests if not self.tables.knows(kind_of(found))} - {
            ""
        }
        return [(namespace, _MADE_BY_OPERATORS) for namespace in sorted(strange)] + [
            (
                unseen.namespace,
                frozenset(made for group, kind in unseen.kinds for made in self.tables.made_by(kind_name(group, kind))),
            )
            for unseen in self.inventory.unseen.values()
        ]

    def pods_of(self, manifest: Manifest) -> list[Provision]:
        """The pods that an object starts."""
        return self._pods_by_maker.get(manifest, [])

    @cached_property
    def _pods_by_maker(self) -> dict[Manifest, list[Provision]]:
        found: dict[Manifest, list[Provision]] = {}
        for provision in self.pods:
            if provision.maker is not None:
                found.setdefault(provision.maker, []).append(provision)
        return found

    @cached_property
    def pods(self) -> list[Provision]:
        """All pods that are known."""
        return [found for found in self.provisions.values() if found.thing.kind == POD]

    @cached_property
    def _of_kind(self) -> dict[str, list[Provision]]:
        found: dict[str, list[Provision]] = {}
        for provision in self.provisions.values():
            found.setdefault(provision.thing.kind, []).append(provision)
        return found

    def of_kind(self, kind: str) -> list[Provision]:
        """All things of a kind that are known."""
        return self._of_kind.get(kind, [])

    def selected(self, selection: Selection) -> list[Provision]:
        """What a selection selects."""
        spaces = selection.namespaces
        return [
            found
            for found in self.of_kind(selection.of)
            if (spaces is None or found.thing.namespace in spaces) and selection.selector.matches(found.labels)
        ]

    def pods_behind(self, service: Provision) -> list[Provision]:
        """The pods that a Service leads to; of one without a selector those of its maker."""
        if service.selector is not None:
            chosen = service.selector.items()
            return [
                pod
                for pod in self.pods
                if pod.thing.namespace == service.thing.namespace and chosen <= pod.labels.items()
            ]
        return self.pods_of(service.maker) if service.maker and kind_of(service.maker) != SERVICE else []

    def names(self, kind: str, namespace: str) -> list[str]:
        """The known names of a kind, for a word on what was meant."""
        return sorted(
            found.thing.name
            for found in self.of_kind(kind)
            if found.thing.namespace in (namespace, "") and found.thing.name
        )


def _fits(pattern: Thing, thing: Thing) -> bool:
    return (pattern.namespace in ("*", thing.namespace) or not pattern.namespace) and fnmatch.fnmatchcase(
        thing.name, pattern.name
    )
