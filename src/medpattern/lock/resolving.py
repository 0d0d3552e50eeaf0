"""The next lock: from what the last one knows, and where it is asked for, from what the servers answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from medpattern.errors import RemoteError
from medpattern.lock.lockfile import Lock, Locked
from medpattern.lock.pins import Pin, PinKind, Setting, Use
from medpattern.lock.versions import is_floating, newest

_COMMIT = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\Z")


class Servers(Protocol):
    """Who knows what a name stands for; see `remotes.Remotes`."""

    def chart_versions(self, repository: str, name: str) -> Mapping[str, str]:
        """Version -> digest."""

    def chart_digest(self, repository: str, name: str, version: str) -> str:
        """The digest of one version."""

    def image_digest(self, image: str, tag: str) -> str:
        """The digest of an image at a tag."""

    def git_commit(self, url: str, revision: str) -> tuple[str, bool]:
        """The commit of a revision, and whether that moves."""


@dataclass
class Resolution:
    """What is to be written, and what a person should know.

    Attributes:
        pins: the next lock's.
        edits: values to be set.
        notes: what was found, one line each.
        open: pins whose digest nobody has said yet, as text.
        changed: names that stand for something else than they did, though they should not move.
        unreachable: what servers did not answer.
    """

    pins: dict[Pin, Locked] = field(default_factory=dict)
    edits: dict[Setting, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)


def from_lock(lock: Lock, uses: Iterable[Use]) -> Resolution:
    """What the lock alone can say: empty digests are filled from it, entries that nobody uses go."""
    found = Resolution()
    for pin, users in _by_pin(uses).items():
        _keep(found, lock, pin, users)
    return found


def from_servers(
    lock: Lock, uses: Iterable[Use], servers: Servers, apps: Collection[str] = (), *, accept_changed: bool = False
) -> Resolution:
    """What the servers answer for the pins of `apps`, or of all; the others as `from_lock`.

    A range or a branch becomes the newest version or commit that it means now, and the lock keeps what was wanted, so
    that a later update looks again. A tag's digest goes where values give none, and where they give the one that the
    tag had at the last update; a digest that was promoted stays.

    Args:
        lock: the last lock.
        uses: every use in the fleet.
        servers: who is asked.
        apps: names of applications.
        accept_changed: take another content of a version or git tag that was locked before.
    """
    found = Resolution()
    for pin, users in _by_pin(uses).items():
        if apps and not {use.app for use in users} & set(apps):
            _keep(found, lock, pin, users)
            continue
        try:
            chosen, locked = _resolve(pin, lock.pins.get(pin), servers)
        except RemoteError as problem:
            found.unreachable.append(str(problem))
            _keep(found, lock, pin, users)
            continue
        before = lock.pins.get(chosen)
        if before and before.resolved != locked.resolved and pin.kind is not PinKind.IMAGE and not accept_changed:
            found.changed.append(f"{chosen} was {before.resolved} and is {locked.resolved}")
            found.pins[chosen] = before
            continue
        found.pins[chosen] = locked
        _note_and_edit(found, lock, pin, chosen, locked, users)
    return found


def _by_pin(uses: Iterable[Use]) -> dict[Pin, list[Use]]:
    found: dict[Pin, list[Use]] = {}
    for use in uses:
        found.setdefault(use.pin, []).append(use)
    return dict(sorted(found.items()))


def _keep(found: Resolution, lock: Lock, pin: Pin, users: list[Use]) -> None:
    locked = lock.pins.get(pin)
    if locked is None:
        found.open.append(str(pin))
        return
    found.pins[pin] = locked
    if pin.kind is PinKind.IMAGE:
        for use in users:
            if not use.digest:
                found.edits[use.setting] = locked.resolved


def _resolve(pin: Pin, before: Locked | None, servers: Servers) -> tuple[Pin, Locked]:
    """The pin with the version that it means now, and what that stands for."""
    wanted = before.wanted if before else ""
    if pin.kind is PinKind.IMAGE:
        return pin, Locked(servers.image_digest(pin.repository, pin.version))
    if pin.kind is PinKind.GIT:
        if _COMMIT.match(pin.version) and not wanted:
            return pin, Locked(pin.version)
        commit, moves = servers.git_commit(pin.repository, wanted or pin.version)
        if moves:
            return replace(pin, version=commit), Locked(commit, wanted or pin.version)
        return pin, Locked(commit)
    wanted = wanted or (pin.version if is_floating(pin.version) else "")
    version = pin.version
    if wanted:
        version = newest(servers.chart_versions(pin.repository, pin.name), wanted)
        if not version:
            raise RemoteError(f"{pin.repository} has no version of {pin.name} that {wanted} takes")
    return replace(pin, version=version), Locked(servers.chart_digest(pin.repository, pin.name, version), wanted)


def _note_and_edit(found: Resolution, lock: Lock, pin: Pin, chosen: Pin, locked: Locked, users: list[Use]) -> None:
    before = lock.pins.get(pin)
    if before != locked or chosen != pin:
        found.notes.append(f"{pin} is {chosen.version if chosen != pin else locked.resolved}")
    for use in users:
        if pin.kind is not PinKind.IMAGE:
            if chosen != pin:
                found.edits[use.setting] = chosen.version
        elif not use.digest or (before and use.digest == before.resolved):
            if use.digest != locked.resolved:
                found.edits[use.setting] = locked.resolved
        elif use.digest != locked.resolved:
            found.notes.append(f"{use.cluster} {use.app} keeps {use.digest}, another than its tag's")
