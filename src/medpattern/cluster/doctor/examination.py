"""All checks over one snapshot: what is wrong, causes before their effects, and what could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from medpattern.cluster.doctor import delivery, platform, storage, streaming, workloads
from medpattern.cluster.doctor.removal import scrubbed
from medpattern.cluster.doctor.snapshot import APPLICATION, Check, Kind, Snapshot, Trouble, named

# In the order in which one thing stands on another.
CHECKS: tuple[Check, ...] = (
    *platform.CHECKS,
    *storage.CHECKS,
    *streaming.CHECKS,
    *workloads.CHECKS,
    *delivery.CHECKS,
)
NO_ARGO_CD = "no-argo-cd"
CODES = (NO_ARGO_CD, *(one.code for one in CHECKS))


@dataclass(frozen=True, slots=True)
class Unlooked:
    """A check that could not look, and the kinds that it would have needed."""

    code: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, by check and object, and the checks that could not look."""

    troubles: tuple[Trouble, ...]
    unlooked: tuple[Unlooked, ...]

    @property
    def looked(self) -> int:
        """How many checks looked."""
        return len(CHECKS) - len(self.unlooked)


def examine(seen: Snapshot) -> Examination:
    """Runs every check whose kinds were seen. Logins and tokens are taken out of what servers have said."""
    found = list(_without_argo_cd(seen))
    unlooked = []
    for check in CHECKS:
        if lacking := _lacking(check, seen):
            unlooked.append(Unlooked(check.code, lacking))
            continue
        rows = [Trouble(check.code, one["kind"], *named(one), scrubbed(cause), scrubbed(cure))
                for one, cause, cure in check.look(seen)]  # fmt: skip
        found += sorted(dict.fromkeys(rows), key=lambda one: (one.namespace, one.kind, one.name))
    return Examination(tuple(found), tuple(unlooked))


def _lacking(check: Check, seen: Snapshot) -> tuple[Kind, ...]:
    if check.any_of and not any(seen.has(kind) for kind in check.any_of):
        return check.any_of
    return tuple(kind for kind in check.kinds if not seen.has(kind))


def _without_argo_cd(seen: Snapshot) -> list[Trouble]:
    if APPLICATION not in seen.absent:
        return []
    command = f"medpattern bootstrap --cluster {seen.cluster or 'NAME'}"
    return [Trouble(NO_ARGO_CD, "Cluster", "", seen.cluster or seen.server, "there is no Argo CD", f"run: {command}")]
