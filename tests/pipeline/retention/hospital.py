"""A small hospital: images in a bucket, and everything that the pipeline makes of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import (
    DatabaseTime,
    audit,
    dead_letters,
    leases,
    metadata,
    notifications,
    superseded,
    tombstones,
)
from medpattern.pipeline.database.standing import Lease
from medpattern.pipeline.database.verdicts import add_verdict
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.events.results import Result
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from medpattern.pipeline.retention.finding import Finder
from medpattern.pipeline.retention.purging import Outputs, Purger
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from tests.pipeline.samples import KEYS, MODEL, result_of

# Tables that a purge fills; all others are emptied of the image.
KEPT = {"tombstones", "audit"}


@dataclass
class Hospital:
    """One store with three buckets, one database, and what was put into them."""

    client: Any
    store: ObjectStore
    engine: Engine
    forgotten: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        return self.store.settings.sources[0]

    def put(self, key: str, body: bytes | None = None) -> StoredObject:
        """Stores an image; the object version as a notification would name it."""
        data = body or f"pixels of {key}".encode()
        answer = self.client.put_object(Bucket=self.source, Key=key, Body=data)
        version = answer.get("VersionId") or ""
        return StoredObject(self.source, key, version, answer["ETag"].strip('"'), len(data), now())

    def score(self, stored: StoredObject, model_sha256: str = MODEL, **changes: Any) -> Result:
        """Does what the service does, in its order: lease, images, row."""
        result = result_of(stored.image, model_sha256, **({"stored_at": stored.stored} | changes))
        lease = Results(self.engine).begin(result.result_id, result.image_id, "worker")
        assert isinstance(lease, Lease)
        self.publish(result)
        assert Results(self.engine).commit(result, lease, "{}")
        return result

    def publish(self, result: Result) -> None:
        """Stores the two images made of one."""
        settings = self.store.settings
        for bucket, key in ((settings.processed, result.processed_key), (settings.anonymised, result.anonymised_key)):
            assert key is not None
            self.store.put(bucket, key, b"made", "image/png")

    def annotate(self, result: Result) -> None:
        """A verdict and a notification."""
        add_verdict(self.engine, result.result_id, NewVerdict(Opinion.AGREE, "dr.osei"))
        row = {"notification_id": uuid.uuid4().hex, "result_id": result.result_id, "channel": "mail"}
        with self.engine.begin() as connection:
            connection.execute(
                notifications.insert().values(**row, state="sent", message="{}", attempts=1, due_at=now())
            )

    def give_up(self, stored: StoredObject, at: datetime | None = None) -> None:
        """A dead letter."""
        image_id = KEYS.image_id(stored.image)
        self.letter(image_id, at, image_id=image_id, image_pseudonym=KEYS.image_pseudonym(stored.image))

    def letter(self, name: str, at: datetime | None = None, **image: str) -> None:
        """A dead letter of any event."""
        moment = at or now()
        row = {"dead_letter_id": name, "reason": "not-an-image", "detail": "", "retryable": False, "attempts": 1}
        with self.engine.begin() as connection:
            connection.execute(
                dead_letters.insert().values(**row, **image, first_at=moment, last_at=moment, sealed=b"sealed")
            )

    def supersede(self, stored: StoredObject) -> None:
        """An image that was gone when its event came."""
        row = {"image_id": KEYS.image_id(stored.image), "image_pseudonym": KEYS.image_pseudonym(stored.image)}
        with self.engine.begin() as connection:
            connection.execute(superseded.insert().values(**row, how="gone", stored_at=now(), recorded_at=now()))

    def lease(self, stored: StoredObject, seconds: float) -> Lease:
        """A worker that is at the image for so long; a negative number: it has died."""
        lease = Lease(KEYS.result_id(stored.image, MODEL), KEYS.image_id(stored.image), "worker")
        row = {"result_id": lease.result_id, "image_id": lease.image_id, "holder": lease.holder}
        with self.engine.begin() as connection:
            connection.execute(leases.insert().values(**row, until=DatabaseTime(seconds)))
        return lease

    def purger(self, **changes: Any) -> Purger:
        """A purger that remembers which dead letters the topic is told to forget."""
        settings = self.store.settings

        def forget(ids: Sequence[str]) -> None:
            self.forgotten.extend(ids)

        parts: dict[str, Any] = {
            "store": self.store,
            "engine": self.engine,
            "finder": Finder(self.store, self.engine, KEYS, settings.sources, bool(changes.get("dry"))),
            "outputs": Outputs(settings.processed, settings.anonymised),
            "forget_letters": forget,
            "who": "tester",
            "purpose": "a test",
        }
        return Purger(**(parts | changes))

    def objects(self) -> dict[str, set[str]]:
        """Keys with their versions, by bucket."""
        settings = self.store.settings
        return {
            bucket: {f"{item.object.key}@{item.object.version_id}" for item in self.store.versions(bucket)}
            for bucket in (*settings.sources, settings.processed, settings.anonymised)
        }

    def rows(self) -> dict[str, int]:
        """Numbers of rows by table; tables without any are left out."""
        with self.engine.begin() as connection:
            counts = {
                name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in metadata.tables.items()
            }
        return {name: count for name, count in counts.items() if count}

    def audited(self) -> list[Any]:
        """The audit rows."""
        with self.engine.begin() as connection:
            return list(connection.execute(select(audit).order_by(audit.c.pseudonym)).mappings())

    def buried(self) -> set[str]:
        """The pseudonyms that have a tombstone."""
        with self.engine.begin() as connection:
            return set(connection.scalars(select(tombstones.c.image_pseudonym)))


def made_in(
    client: Any,
    endpoint: str,
    engine: Engine,
    *,
    versioned: bool = False,
    account: tuple[str, str] = ("access", "secret"),
) -> Hospital:
    """A hospital with buckets of its own; account: access key and secret key."""
    name = uuid.uuid4().hex[:12]
    buckets = [f"{kind}-{name}" for kind in ("source", "processed", "anonymised")]
    for bucket in buckets:
        client.create_bucket(Bucket=bucket)
    if versioned:
        client.put_bucket_versioning(Bucket=buckets[0], VersioningConfiguration={"Status": "Enabled"})
    settings = StoreSettings(endpoint, "us-east-1", (buckets[0],), buckets[1], buckets[2], *account)
    return Hospital(client, ObjectStore(settings), engine)


def make_old(bucket: str, days: int) -> None:
    """Moves what lies in `bucket` into the past; it reaches into moto, for S3 has no way to."""
    from moto.s3.models import s3_backends

    for backends in s3_backends.values():
        found = backends["aws"].buckets.get(bucket)
        for key in found.keys.values() if found else ():
            key.last_modified -= timedelta(days=days)
