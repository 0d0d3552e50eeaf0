"""What must differ between clusters and within one, and what hubs say of their spokes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medpattern.checks.claims import BUCKET, GROUP, HOST, TOPIC, Claim, claims
from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.policy.reading import map_at, word
from medpattern.checks.rules import Breach, finding
from medpattern.findings import Finding, Severity, did_you_mean

IN_CLUSTER = "https://kubernetes.default.svc"
_LOCAL = frozenset({IN_CLUSTER, "in-cluster", ""})


@dataclass(frozen=True, slots=True)
class _Clash:
    """What two claims of one sort are called, what comes of them, and the cure."""

    code: str
    comes: str
    cure: str


_CLASHES = {
    HOST: _Clash("duplicate-host", "requests reach one of them by chance", "give each its own host"),
    BUCKET: _Clash("duplicate-bucket", "images of one land among those of the other", "give each its own bucket"),
    TOPIC: _Clash("duplicate-topic", "each reads, and changes, what is the other's", "give each its own topic"),
    GROUP: _Clash("duplicate-group", "Kafka hands each event to one of them only", "give each its own group"),
}


@dataclass(frozen=True, slots=True)
class _Made:
    """A claim and who makes it."""

    claim: Claim
    inventory: Inventory
    manifest: Manifest


def fleet_findings(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """Every finding that the objects of one cluster do not show alone."""
    made = [
        _Made(claim, inventory, manifest)
        for inventory in inventories
        for manifest in inventory.manifests
        for claim in claims(manifest)
    ]
    yield from _within_clusters(made)
    yield from _between_clusters(made)
    yield from _reachability(inventories)


# Claims --------------------------------------------------------------------------------------------------


def _within_clusters(made: Iterable[_Made]) -> Iterator[Finding]:
    """Two objects of one cluster that claim the same."""
    taken: dict[tuple[str, str, str, str], _Made] = {}
    for one in made:
        claim = one.claim
        if claim.shareable:
            continue
        first = taken.setdefault((one.inventory.cluster, claim.sort, claim.part, claim.name), one)
        if first.manifest is not one.manifest:
            clash = _CLASHES[claim.sort]
            message = f"{first.manifest.key} has the {claim.sort} '{claim.name}' too: {clash.comes}"
            breach = Breach(claim.path, message, clash.cure)
            yield finding(clash.code, Severity.ERROR, one.inventory, one.manifest, breach)


def _between_clusters(made: Iterable[_Made]) -> Iterator[Finding]:
    """Clusters that claim the same at a server outside, or in the names of the world."""
    taken: dict[tuple[str, str, str], dict[str, _Made]] = {}
    for one in made:
        claim = one.claim
        if claim.sort == HOST or claim.owner:
            taken.setdefault((claim.sort, claim.owner, claim.name), {}).setdefault(one.inventory.cluster, one)
    for (sort, owner, name), by_cluster in taken.items():
        if len(by_cluster) < 2:
            continue
        clash = _CLASHES[sort]
        at = f" at {owner}" if owner else ""
        message = (
            f"the {sort} '{name}'{at} is taken by {len(by_cluster)} clusters, {_listed(by_cluster)}: {clash.comes}"
        )
        for one in by_cluster.values():
            breach = Breach(one.claim.path, message, clash.cure)
            yield finding(clash.code, Severity.ERROR, one.inventory, one.manifest, breach)


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (" ..." if len(ordered) > 3 else "")


# Spokes --------------------------------------------------------------------------------------------------


def _reachability(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """Applications that go to no cluster of the fleet or to another one than theirs, and servers named twice."""
    known = [inventory for inventory in inventories if inventory.reach is not None]
    yield from _shared_servers(known)
    servers = {inventory.reach.server: inventory.cluster for inventory in known if inventory.reach}
    names = {inventory.cluster for inventory in known}
    for inventory in known:
        for app in inventory.of_kind("argoproj.io", "Application"):
            yield from _destination(inventory, app, servers, names)


def _shared_servers(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """Two clusters with one API server: the hub would apply both to the same."""
    taken: dict[str, Inventory] = {}
    for inventory in inventories:
        reach = inventory.reach
        if reach is None or not reach.server:
            continue
        first = taken.setdefault(reach.server, inventory)
        if first is not inventory:
            message = (
                f"{first.cluster} has the server {reach.server} too: what is meant for one is applied to the other"
            )
            place, cure = reach.locate(("server",)), "state the address of this cluster's API server"
            yield Finding("unreachable-spoke", message, place, "server", cure, clusters=(inventory.cluster,))


def _destination(inventory: Inventory, app: Manifest, servers: dict[str, str], names: set[str]) -> Iterator[Finding]:
    target = map_at(app.data, "spec", "destination")
    key = "name" if word(target.get("name")) else "server"
    value = word(target.get(key))
    if value in _LOCAL:
        return
    goes_to = servers.get(value) if key == "server" else value if value in names else None
    pushed = bool(inventory.reach and inventory.reach.pushed_by)
    if goes_to is None:
        message = f"goes to '{value}', which is no cluster of this fleet"
        cure = did_you_mean(value, names if key == "name" else servers.keys() - {""})
    elif pushed and goes_to != inventory.cluster:
        message, cure = f"is {inventory.cluster}'s, and goes to {goes_to}", f"name {inventory.cluster}"
    else:
        return
    breach = Breach(("spec", "destination", key), message, cure)
    yield finding("unreachable-spoke", Severity.ERROR, inventory, app, breach)
