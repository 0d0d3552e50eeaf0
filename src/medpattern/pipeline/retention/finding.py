"""The images of a selection, from the books and from the buckets, in batches that are purged one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from medpattern.pipeline.database import purging
from medpattern.pipeline.database.purging import ImageName
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Superseded, Unprocessable
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.retention.selection import DataClass, Selection

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from medpattern.pipeline.store.objects import ListedVersion, ObjectStore

BATCH = 500
_LONGEST_FILE = 64 << 20
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Batch:
    """Images, the source object versions of them that go too, and dead letters that name no image."""

    images: tuple[ImageName, ...]
    objects: tuple[StoredObject, ...] = field(default=(), repr=False)
    nameless: tuple[str, ...] = ()


@dataclass(slots=True)
class Finder:
    """Looks for images.

    dry: nothing is removed between two batches, so what was given already has to be remembered, by pseudonym in
    `counted`; unreadable: how many images without result may be the patient's and could not be opened.
    """

    store: ObjectStore
    engine: Engine
    keys: Keys
    buckets: tuple[str, ...]
    dry: bool = False
    unreadable: int = 0
    counted: set[str] = field(default_factory=set, repr=False)

    def batches(self, selection: Selection) -> Iterator[Batch]:
        """Batches of at most 500 images; none appears twice, unless something of it is found anew.

        Raises:
            Unavailable: the object store or the database is away.
        """
        self.counted.clear()
        if selection.before is None:
            yield from self._named(selection)
            return
        if selection.has(DataClass.SOURCE):
            yield from self._old_objects(selection)
        yield from self._old_rows(selection)

    def _named(self, selection: Selection) -> Iterator[Batch]:
        """All at once: an image or a patient has few."""
        if selection.image:
            found = purging.named(self.engine, selection.image)
        else:
            found = purging.of_patient(self.engine, selection.patient)
        objects: list[StoredObject] = []
        for listed in self._listed():
            names = self._names(listed.object)
            meant = found.intersection(names) or self._meant(selection, names, listed.object)
            if meant:
                found |= meant
                objects.append(listed.object)
        yield Batch(tuple(found), tuple(objects) if selection.has(DataClass.SOURCE) else ())

    def _meant(self, selection: Selection, names: list[ImageName], stored: StoredObject) -> set[ImageName]:
        if selection.image:
            return {name for name in names if name.pseudonym == selection.image}
        # Only a result says whose an image is; one without is opened.
        scored = purging.count_rows(self.engine, [name.image_id for name in names]).results
        if scored or self._patient_of(stored) != selection.patient:
            return set()
        return self._used([stored])

    def _patient_of(self, stored: StoredObject) -> str | None:
        from medpattern.pipeline.images.decoding import decode

        try:
            subject = decode(self.store.fetch(stored, _LONGEST_FILE).data).subject
        except Superseded:
            return None
        except Unprocessable:
            self.unreadable += 1
            return None
        return self.keys.patient_pseudonym(subject.patient_id, subject.issuer)

    def _old_objects(self, selection: Selection) -> Iterator[Batch]:
        assert selection.before is not None
        old = (listed.object for listed in self._listed() if listed.modified < selection.before)
        for objects in in_batches(old):
            images = self._used(objects)
            if self.dry:
                self.counted |= {image.pseudonym for image in images}
            yield Batch(tuple(images), tuple(objects))

    def _old_rows(self, selection: Selection) -> Iterator[Batch]:
        assert selection.before is not None
        found: set[ImageName] = set()
        nameless: tuple[str, ...] = ()
        if selection.has(DataClass.RESULTS):
            found |= purging.results_before(self.engine, selection.before)
        if selection.has(DataClass.DEAD_LETTERS):
            letters, nameless = purging.dead_letters_before(self.engine, selection.before)
            found |= letters
        found = {image for image in found if image.pseudonym not in self.counted}
        if self.dry:
            self.counted |= {image.pseudonym for image in found}
        for images in in_batches(found):
            yield Batch(tuple(images))
        for ids in in_batches(nameless):
            yield Batch((), nameless=tuple(ids))

    def _listed(self) -> Iterator[ListedVersion]:
        for bucket in self.buckets:
            yield from self.store.versions(bucket)

    def _names(self, stored: StoredObject) -> list[ImageName]:
        """One, or two for an object that has a version (StoredObject.by_etag)."""
        return [
            ImageName(self.keys.image_id(one.image), self.keys.image_pseudonym(one.image))
            for one in (stored, stored.by_etag)
            if one is not None
        ]

    def _used(self, objects: Sequence[StoredObject]) -> set[ImageName]:
        """The first name of each, and the second where anything is known under it."""
        names = [self._names(stored) for stored in objects]
        second = purging.known(self.engine, [name.image_id for both in names for name in both[1:]])
        return {name for both in names for at, name in enumerate(both) if at == 0 or name.image_id in second}


def in_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """`items` in lists of at most 500."""
    source = iter(items)
    while batch := list(islice(source, BATCH)):
        yield batch
