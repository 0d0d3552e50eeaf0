"""The bucket held against the books: each object version with an outcome, and each without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from medpattern.pipeline.backfill.missing import BATCH, batches, missing
from medpattern.pipeline.clock import now
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import dead_letters, superseded, tombstones
from medpattern.pipeline.database.standing import Lease
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, result_of

NO_AGE = timedelta(0)


@pytest.fixture
def store(moto: str, plain_bucket: str) -> ObjectStore:
    return ObjectStore(StoreSettings(moto, "us-east-1", (plain_bucket,), "", "", "access", "secret"))


def put(client: Any, bucket: str, *keys: str) -> None:
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=f"pixels of {key}".encode())


def listed(store: ObjectStore, bucket: str) -> dict[str, StoredObject]:
    return {item.object.key: item.object for item in store.versions(bucket)}


def score(engine: Engine, stored: StoredObject, model_sha256: str = MODEL) -> None:
    """Gives the image a result, as the service does."""
    table = Results(engine)
    result = result_of(stored.image, model_sha256)
    lease = table.begin(result.result_id, result.image_id, "test")
    assert isinstance(lease, Lease)
    assert table.commit(result, lease, "{}")


def book(engine: Engine, table: Any, stored: StoredObject) -> None:
    """Gives the image another outcome: a row in `table`."""
    row: dict[str, Any] = {"image_id": KEYS.image_id(stored.image), "image_pseudonym": "p" * 32}
    row |= {
        "superseded": {"how": "gone", "recorded_at": now()},
        "tombstones": {"purged_at": now()},
        "dead_letters": {"dead_letter_id": "d" * 64, "reason": "not-an-image", "detail": "", "retryable": False,
                         "attempts": 1, "first_at": now(), "last_at": now(), "sealed": b"x"},
    }[table.name]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(table.insert().values(**row))


def keys_of(found: Any) -> set[str]:
    return {stored.key for stored in found.objects}


def test_images_without_outcome_are_found_and_no_others(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "scored", "gone", "purged", "dead", "lost-1", "lost-2")
    objects = listed(store, plain_bucket)
    score(engine, objects["scored"])
    for key, table in (("gone", superseded), ("purged", tombstones), ("dead", dead_letters)):
        book(engine, table, objects[key])
    found = missing(store, engine, KEYS, plain_bucket, NO_AGE)
    assert keys_of(found) == {"lost-1", "lost-2"}
    assert (found.count, found.listed) == (2, 6)


def test_image_that_was_overwritten_counts_anew(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a")
    score(engine, listed(store, plain_bucket)["a"])
    moto_client.put_object(Bucket=plain_bucket, Key="a", Body=b"other pixels")
    assert keys_of(missing(store, engine, KEYS, plain_bucket, NO_AGE)) == {"a"}


def test_each_version_is_an_image_of_its_own(
    moto: str, engine: Engine, moto_client: Any, versioned_bucket: str
) -> None:
    store = ObjectStore(StoreSettings(moto, "us-east-1", (versioned_bucket,), "", "", "access", "secret"))
    for body in (b"one", b"two", b"three"):
        moto_client.put_object(Bucket=versioned_bucket, Key="a", Body=body)
    versions = [item.object for item in store.versions(versioned_bucket)]
    score(engine, versions[1])
    found = missing(store, engine, KEYS, versioned_bucket, NO_AGE)
    assert {stored.version_id for stored in found.objects} == {versions[0].version_id, versions[2].version_id}


def test_image_that_was_scored_by_its_etag_is_not_missing_by_its_version(
    moto: str, engine: Engine, moto_client: Any, versioned_bucket: str
) -> None:
    """Ceph's notification after a multipart upload names no version; the listing does."""
    store = ObjectStore(StoreSettings(moto, "us-east-1", (versioned_bucket,), "", "", "access", "secret"))
    put(moto_client, versioned_bucket, "a")
    (stored,) = listed(store, versioned_bucket).values()
    assert stored.by_etag is not None
    score(engine, stored.by_etag)
    assert missing(store, engine, KEYS, versioned_bucket, NO_AGE).count == 0
    (batch,) = batches(store, engine, KEYS, versioned_bucket, model_sha256=OTHER_MODEL)
    # Another model is asked about the image under the name that the books have for it.
    assert batch.objects == (stored.by_etag,)


def test_young_images_are_left_alone_and_counted(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a", "b")
    found = missing(store, engine, KEYS, plain_bucket, timedelta(minutes=10))
    assert (found.count, found.young, found.oldest_seconds) == (0, 2, 0)


def test_age_of_the_oldest_is_told(store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str) -> None:
    put(moto_client, plain_bucket, "a", "b")
    stored = [item.modified for item in store.versions(plain_bucket)]
    before = now()
    found = missing(store, engine, KEYS, plain_bucket, NO_AGE)
    assert (before - min(stored)).total_seconds() <= found.oldest_seconds <= (now() - min(stored)).total_seconds()


def test_only_some_objects_are_kept_and_all_are_counted(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a", "b", "c")
    found = missing(store, engine, KEYS, plain_bucket, NO_AGE, most=2)
    assert (found.count, len(found.objects)) == (3, 2)


def test_result_of_another_model_is_no_outcome_where_a_model_is_named(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a", "b", "gone")
    objects = listed(store, plain_bucket)
    score(engine, objects["a"], MODEL)
    score(engine, objects["b"], OTHER_MODEL)
    book(engine, superseded, objects["gone"])
    found = list(batches(store, engine, KEYS, plain_bucket, model_sha256=OTHER_MODEL))
    assert {stored.key for batch in found for stored in batch.objects} == {"a"}


def test_image_that_another_model_could_not_read_is_tried_by_the_one_that_is_named(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "dead")
    book(engine, dead_letters, listed(store, plain_bucket)["dead"])
    assert [len(batch.objects) for batch in batches(store, engine, KEYS, plain_bucket, model_sha256=MODEL)] == [1]


def test_prefix_bounds_what_is_looked_at(
    store: ObjectStore, engine: Engine, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "2025/a", "2026/b")
    found = list(batches(store, engine, KEYS, plain_bucket, "2025/"))
    assert [stored.key for batch in found for stored in batch.objects] == ["2025/a"]


class Listing:
    """A store of many objects that only lists."""

    def __init__(self, objects: list[StoredObject]) -> None:
        self._objects = objects

    def versions(self, _bucket: str, _prefix: str = "") -> Any:
        from medpattern.pipeline.store.objects import ListedVersion

        return (ListedVersion(stored, now(), True) for stored in self._objects)


def test_large_buckets_are_asked_about_in_batches(engine: Engine) -> None:
    objects = [StoredObject("b", f"{number}", "", f"{number:x}", 1, None) for number in range(2 * BATCH + 1)]
    for stored in objects[::2]:
        if int(stored.key) % 100 == 0:
            score(engine, stored)
    store: Any = Listing(objects)
    found = list(batches(store, engine, KEYS, "b"))
    assert [batch.listed for batch in found] == [BATCH, BATCH, 1]
    assert {stored.key for batch in found for stored in batch.objects} == {
        stored.key for stored in objects if int(stored.key) % 100
    }


def test_store_that_is_away_is_told(engine: Engine) -> None:
    away = ObjectStore(StoreSettings("http://127.0.0.1:9", "us-east-1", ("b",), "", "", "access", "secret"))
    with pytest.raises(Unavailable):
        missing(away, engine, KEYS, "b", NO_AGE)
