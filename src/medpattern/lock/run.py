"""`lock` and `promote` as a whole: the fleet is loaded, the next state planned, written, and looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medpattern.errors import InputError, MedpatternError, UsageError
from medpattern.findings import errors_of
from medpattern.fleet.fleet import Fleet
from medpattern.lock.edits import FileEdit, plan_edits, write_edits
from medpattern.lock.lockfile import Lock, read_lock
from medpattern.lock.pins import Setting, uses
from medpattern.lock.promotion import Carrier, Image, carriers, check_ring_before, message, ring_before, settings
from medpattern.lock.resolving import Resolution, Servers, from_lock, from_servers
from medpattern.rendering.renderer import RenderedCluster, Renderer
from medpattern.rendering.selection import Selection
from medpattern.tree.history import commit_files

# What an update is asked to cure.
_CURABLE = frozenset({"floating-version"})


@dataclass(frozen=True)
class LockRun:
    """One run of `lock`: what was found, and the files that it changes; nothing is written yet."""

    root: Path
    lock: Lock
    resolution: Resolution
    edits: tuple[FileEdit, ...]

    @property
    def is_settled(self) -> bool:
        """Whether values and lock file say the same already, and every pin has what it stands for."""
        return not (self.edits or self.resolution.open or self.resolution.changed or self.resolution.unreachable)

    def write(self) -> None:
        """Writes values files and the lock file.

        Raises:
            UsageError: a file has changed meanwhile, or cannot be written.
        """
        write_edits(self.root, self.edits)


def lock_run(
    selection: Selection, servers: Servers | None, apps: Sequence[str] = (), *, accept_changed: bool = False
) -> LockRun:
    """Plans the next lock of the whole fleet.

    Args:
        selection: the repository.
        servers: who is asked; None uses the lock alone.
        apps: only these applications are asked about.
        accept_changed: see `from_servers`.

    Raises:
        InputError: the inputs have errors other than versions that float.
        UsageError: no application has such a name, or a value cannot be edited.
    """
    fleet = selection.load()
    rendered = _render(fleet, selection.names(fleet))
    known = {app.app.name for one in rendered for app in one.apps}
    for app in apps:
        Selection(selection.root, app=app).require_app(known)
    lock = read_lock(selection.root, fleet.values_folder)
    found = list(uses(selection.root, rendered))
    if servers is None:
        resolution = from_lock(lock, found)
    else:
        resolution = from_servers(lock, found, servers, apps, accept_changed=accept_changed)
    edits = plan_edits(selection.root, resolution.edits)
    edits += _lock_edit(selection.root, lock, resolution)
    return LockRun(selection.root, lock, resolution, tuple(edits))


def _lock_edit(root: Path, lock: Lock, resolution: Resolution) -> list[FileEdit]:
    path = root / lock.file
    old = path.read_text("utf-8") if path.is_file() else ""
    new = Lock(lock.file, resolution.pins).text()
    return [FileEdit(lock.file, old, new)] if new != old and (resolution.pins or old) else []


@dataclass(frozen=True)
class Promotion:
    """A promotion that is planned: the files that it changes and the commit's message."""

    selection: Selection
    image: Image
    clusters: tuple[str, ...]
    edits: tuple[FileEdit, ...]
    message: str

    def write(self, *, commit: bool) -> None:
        """Writes the files, looks that every cluster of the ring runs the image then, and commits if asked.

        Raises:
            UsageError: something above the clusters' own files sets another digest (nothing is left written), or git
                refuses.
        """
        root = self.selection.root
        write_edits(root, self.edits)
        try:
            left = [one for one in self._carriers() if not one.carries(self.image)]
        except MedpatternError:
            write_edits(root, [FileEdit(one.file, one.new, one.old) for one in self.edits])
            raise
        if left:
            write_edits(root, [FileEdit(one.file, one.new, one.old) for one in self.edits])
            first = left[0]
            raise UsageError(
                f"{first.cluster} {first.app}: something wins over values-{first.cluster}.yaml; "
                f"medpattern explain {first.cluster} {first.app} {'.'.join(map(str, first.image))}.digest"
            )
        if commit and self.edits:
            problem = commit_files(root, [one.file for one in self.edits], self.message)
            if problem:
                raise UsageError(f"{problem}; the files are written")

    def _carriers(self) -> list[Carrier]:
        fleet = self.selection.load()
        return _found(fleet, self.selection.names(fleet), self.image)


def promotion(selection: Selection, image: Image, ring: int, force: str = "") -> Promotion:
    """Plans the promotion of `image` to the clusters of `ring`.

    Args:
        selection: the repository.
        image: the image by its digest.
        ring: the clusters' ring.
        force: why the ring before need not run it; "" if it has to.

    Raises:
        InputError: the inputs have errors.
        PromotionError: the ring before does not run it.
        UsageError: no such ring, or no application of it runs the image's repository.
    """
    fleet = selection.load()
    number = ring_before((facts.ring for facts in fleet.facts.values()), ring)
    names = _in_ring(fleet, ring)
    chosen = _found(fleet, names, image)
    if not chosen:
        raise UsageError(f"no application in ring {ring} ({', '.join(names)}) runs {image.name}; see 'list images'")
    if number is not None and not force:
        before = _found(fleet, _in_ring(fleet, number), image)
        check_ring_before(image, ring, before, number=number)
    wanted: dict[Setting, str] = settings(fleet.values_folder, image, chosen)
    clusters = tuple(sorted({one.cluster for one in chosen}))
    edits = tuple(plan_edits(selection.root, wanted))
    narrowed = Selection(selection.root, selection.values, selection.facts, clusters)
    return Promotion(narrowed, image, clusters, edits, message(image, ring, clusters, force))


def _in_ring(fleet: Fleet, ring: int) -> list[str]:
    return sorted(name for name, facts in fleet.facts.items() if facts.ring == ring)


def _found(fleet: Fleet, names: Sequence[str], image: Image) -> list[Carrier]:
    return [found for one in _render(fleet, names) for found in carriers(one, image)]


def _render(fleet: Fleet, names: Sequence[str]) -> list[RenderedCluster]:
    renderer = Renderer(fleet)
    rendered = list(renderer.clusters(names))
    errors = [found for found in errors_of(renderer.findings) if found.code not in _CURABLE]
    if errors:
        raise InputError(errors)
    return rendered
