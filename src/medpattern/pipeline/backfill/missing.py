"""Images without outcome: the bucket on one side, the books on the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from medpattern.pipeline.clock import now, seconds_between
from medpattern.pipeline.events.notifications import StoredObject

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from medpattern.pipeline.identity import Keys
    from medpattern.pipeline.store.objects import ListedVersion, ObjectStore

BATCH = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """What one query told: of `listed` object versions, `objects` have no outcome, in the store's order."""

    listed: int
    young: int
    objects: tuple[StoredObject, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """Images without outcome: how many, the age of the oldest in seconds (0 without any), and the first of them.

    They are among `listed` object versions, of which `young` were not looked at.
    """

    count: int
    oldest_seconds: float
    objects: tuple[StoredObject, ...] = field(repr=False)
    listed: int = 0
    young: int = 0


def missing(
    store: ObjectStore, engine: Engine, keys: Keys, bucket: str, older_than: timedelta, *, most: int = 100_000
) -> Missing:
    """Compares `bucket` with the books; younger images than `older_than` may still be on their way.

    objects: the first `most` in the store's order; `count` counts all.

    Raises:
        Unavailable: the object store or the database is away.
    """
    moment = now()
    count = listed = young = 0
    oldest = moment
    kept: list[StoredObject] = []
    for batch in batches(store, engine, keys, bucket, before=moment - older_than):
        count += len(batch.objects)
        listed, young = listed + batch.listed, young + batch.young
        kept += batch.objects[: max(0, most - len(kept))]
        oldest = min([oldest, *(found.stored for found in batch.objects if found.stored)])
    return Missing(count, seconds_between(oldest, moment)[0], tuple(kept), listed, young)


def batches(
    store: ObjectStore,
    engine: Engine,
    keys: Keys,
    bucket: str,
    prefix: str = "",
    *,
    model_sha256: str = "",
    before: datetime | None = None,
) -> Iterator[Batch]:
    """The object versions below `prefix` that have no outcome, in batches of at most 500 listed ones.

    model_sha256: only a result of this model is an outcome, "" for any model's; before: younger ones are left out.
    """
    for listed in _in_batches(store.versions(bucket, prefix)):
        old = [item for item in listed if before is None or item.modified < before]
        found = tuple(_without_outcome(engine, keys, old, model_sha256)) if old else ()
        yield Batch(len(listed), len(listed) - len(old), found)


def _without_outcome(
    engine: Engine, keys: Keys, listed: Sequence[ListedVersion], model_sha256: str
) -> Iterator[StoredObject]:
    """The objects of `listed` that have no outcome under either of their names, by the name they are known by."""
    from medpattern.pipeline.database.accounting import with_outcome

    names = [(item, *_ids(keys, item.object)) for item in listed]
    ids = {image_id for _, *both in names for image_id in both if image_id}
    known = with_outcome(engine, ids)
    done = with_outcome(engine, ids, model_sha256) if model_sha256 else known
    for item, by_version, by_etag in names:
        if by_version in done or by_etag in done:
            continue
        # Only the newest version can be fetched by its eTag.
        other = item.object.by_etag if by_etag in known and item.latest else None
        yield other or item.object


def _ids(keys: Keys, stored: StoredObject) -> tuple[str, str]:
    other = stored.by_etag
    return keys.image_id(stored.image), keys.image_id(other.image) if other else ""


def _in_batches(versions: Iterable[ListedVersion]) -> Iterator[list[ListedVersion]]:
    source = iter(versions)
    while batch := list(islice(source, BATCH)):
        yield batch
