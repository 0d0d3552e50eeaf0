"""How a fleet is: what the rendered tree says that each cluster has, held against what its Argo CD says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from medpattern.cluster.status.applications import OUT_OF_SYNC, RUNNING, UNKNOWN, LiveApplication
from medpattern.cluster.status.expected import ExpectedApplication

# Argo CD looks at every Application each three minutes, unless told otherwise; of all of a cluster's the last counts.
STALE_AFTER = timedelta(minutes=10)


class Presence(StrEnum):
    """Whether an Application is where it should be."""

    PRESENT = "present"
    MISSING = "missing"  # the tree has it, the cluster has not
    LEFT_OVER = "left over"  # labelled as the cluster's, and the tree does not have it (any more)
    FOREIGN = "foreign"  # nobody's of this fleet


@dataclass(frozen=True, slots=True)
class ApplicationStatus:
    """One Application of a cluster; `live` is None where it is missing. `held_by` names what it waits for."""

    name: str
    wave: int
    presence: Presence
    live: LiveApplication | None = None
    is_root: bool = False
    held_by: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether it is there, should be, and is Synced and Healthy. What is foreign is not ours to judge."""
        if self.presence is Presence.FOREIGN:
            return True
        return self.presence is Presence.PRESENT and self.live is not None and self.live.is_well

    @property
    def sync(self) -> str:
        """Argo CD's word; "Missing" where there is no Application."""
        return self.live.sync if self.live else "Missing"

    @property
    def health(self) -> str:
        """Argo CD's word; "Missing" where there is no Application."""
        return self.live.health if self.live else "Missing"

    @property
    def message(self) -> str:
        """What to know of it, in one line."""
        words = self.live.message if self.live else ""
        held = f"waits for {', '.join(self.held_by)}" if self.held_by else ""
        stands = "" if self.presence in (Presence.PRESENT, Presence.MISSING) else str(self.presence)
        return "; ".join(text for text in (stands, held, words) if text)


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster: its Applications, its root first and then by wave and name.

    `seat` is the cluster whose Argo CD has them. `holding` are the Applications of the wave that holds back later
    ones, `pending_waves` those that wait for it. `error` says why nothing is known; there are no Applications then.
    `looked` is how long ago Argo CD looked at any of them; None if it never did. `unreachable` says why the cluster
    itself does not answer; its Argo CD runs elsewhere then, and says for minutes what it saw before.
    """

    name: str
    seat: str
    applications: tuple[ApplicationStatus, ...] = ()
    holding: tuple[str, ...] = ()
    pending_waves: tuple[int, ...] = ()
    error: str = ""
    looked: timedelta | None = None
    unreachable: str = ""

    @property
    def is_well(self) -> bool:
        """Whether all that should be there is Synced and Healthy, and nothing else claims to be the cluster's."""
        return not self.error and not self.unreachable and all(one.is_well for one in self.applications)

    @property
    def own(self) -> tuple[ApplicationStatus, ...]:
        """Without the foreign ones."""
        return tuple(one for one in self.applications if one.presence is not Presence.FOREIGN)

    @property
    def is_stale(self) -> bool:
        """Whether Argo CD has not looked at any Application for so long that it probably does not run."""
        return self.looked is not None and self.looked > STALE_AFTER


def cluster_status(
    name: str,
    seat: str,
    expected: Mapping[str, ExpectedApplication],
    live: Iterable[LiveApplication],
    now: datetime | None = None,
) -> ClusterStatus:
    """What is expected of a cluster held against the Applications that are there.

    Args:
        name: the cluster.
        seat: the cluster whose Argo CD has its Applications.
        expected: what the rendered tree has, by name.
        live: the Applications that are the cluster's by name or by label, and foreign ones to list with it.
        now: the API server's clock.
    """
    there = {one.name: one for one in live}
    found = [_expected(one, there.get(one.name)) for one in expected.values()]
    for one in there.values():
        if one.name not in expected:
            presence = Presence.LEFT_OVER if one.cluster == name else Presence.FOREIGN
            found.append(ApplicationStatus(one.name, one.wave, presence, one))
    found.sort(key=lambda one: (one.presence is Presence.FOREIGN, not one.is_root, one.wave, one.name))
    holding, held = _held_back(found)
    applications = tuple(
        ApplicationStatus(one.name, one.wave, one.presence, one.live, one.is_root, holding) if one.name in held else one
        for one in found
    )
    seen = [one.live.reconciled for one in applications if one.live and one.live.reconciled]
    return ClusterStatus(
        name,
        seat,
        applications,
        holding if held else (),
        tuple(sorted({one.wave for one in applications if one.name in held})),
        looked=now - max(seen) if now and seen else None,
    )


def owners(live: Iterable[LiveApplication], expected: Mapping[str, Iterable[str]]) -> dict[str, list[LiveApplication]]:
    """The Applications of one Argo CD by cluster; "" for those that are of none.

    Args:
        live: all of them.
        expected: the names of the Applications that each cluster of the fleet that Argo CD serves should have.
    """
    by_name = {application: cluster for cluster, names in expected.items() for application in names}
    found: dict[str, list[LiveApplication]] = {}
    for one in live:
        owner = by_name.get(one.name) or (one.cluster if one.cluster in expected else "")
        found.setdefault(owner, []).append(one)
    return found


def _expected(one: ExpectedApplication, live: LiveApplication | None) -> ApplicationStatus:
    if live is None:
        return ApplicationStatus(one.name, one.wave(), Presence.MISSING, None, one.is_root)
    return ApplicationStatus(one.name, live.wave, Presence.PRESENT, live, one.is_root)


def _held_back(found: Iterable[ApplicationStatus]) -> tuple[tuple[str, ...], frozenset[str]]:
    """What holds back later waves, and what is held back.

    A root's sync goes on to the next wave once all Applications of one are Healthy by their current source. Those of
    later waves that it has not applied are missing, or OutOfSync among the root's objects. Where no Application is the
    cause, what the root itself says is.
    """
    ours = [one for one in found if one.presence in (Presence.PRESENT, Presence.MISSING)]
    root = next((one for one in ours if one.is_root), None)
    children = [one for one in ours if not one.is_root]
    unapplied = {one.name for one in children if one.live is None} | _unapplied(root)
    first = min((one.wave for one in children if one.live is not None and not _lets_pass(one)), default=None)
    if first is None:
        stuck = root is not None and root.live is not None and (root.live.has_failed or root.live.phase == RUNNING)
        held = frozenset(one.name for one in children if one.name in unapplied and stuck)
        return ((root.name,) if root and held else ()), held
    held = frozenset(one.name for one in children if one.wave > first and one.name in unapplied)
    holding = tuple(one.name for one in children if one.wave == first and one.live is not None and not _lets_pass(one))
    return (holding if held else ()), held


def _lets_pass(one: ApplicationStatus) -> bool:
    return one.live is not None and one.live.lets_pass


def _unapplied(root: ApplicationStatus | None) -> set[str]:
    if root is None or root.live is None or root.live.sync == UNKNOWN:
        return set()
    return {one.name for one in root.live.objects if one.kind == "Application" and one.sync == OUT_OF_SYNC}
