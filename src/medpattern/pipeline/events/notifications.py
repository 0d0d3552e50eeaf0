"""The notification of an object store, in the forms of Ceph, MinIO, versitygw, moto and AWS.

They agree on `Records[].s3.bucket.name` and `.object.key` and on little else: Ceph and versitygw send the key
raw, the others URL-encoded; Ceph leaves out the prefix `s3:` and once wrote `etag`; versitygw quotes the eTag.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeGuard
from urllib.parse import unquote_plus

from medpattern.pipeline.clock import parse_time
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.identity import ObjectVersion

# S3's own limits; what is longer was made by nobody's object store.
LONGEST_KEY = 1024
LONGEST_BUCKET = 255
LONGEST_VERSION = 1024
MOST_RECORDS = 10_000


class KeyForm(StrEnum):
    """How `object.key` is written: known by the store's name, or told by a setting for a store unknown here."""

    AUTO = "auto"
    RAW = "raw"
    ENCODED = "encoded"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object version that was stored. `version_id` and `etag` may be empty, never both."""

    bucket: str
    key: str
    version_id: str
    etag: str
    size: int | None
    stored: datetime | None

    @property
    def image(self) -> ObjectVersion:
        """The version as it is named everywhere else."""
        return ObjectVersion(self.bucket, self.key, self.version_id or self.etag)

    @property
    def by_etag(self) -> StoredObject | None:
        """The same object named by its eTag, where it is named by a version.

        In buckets with versions Ceph 16 leaves the versionId out of the notification after a multipart upload or a
        copy, while a listing has it: such an object goes by both names.
        """
        return replace(self, version_id="") if self.version_id and self.etag else None

    def __repr__(self) -> str:
        # A key may hold a name, and a repr ends in logs.
        return f"StoredObject(bucket={self.bucket!r}, size={self.size})"


@dataclass(frozen=True, slots=True)
class Notification:
    """What one message says: the objects stored, and how many records could not be read."""

    stored: tuple[StoredObject, ...]
    unreadable: int = 0
    ignored: int = 0


def parse_notification(data: bytes, keys: KeyForm = KeyForm.AUTO) -> Notification:
    """Reads all records of a message; those that store nothing (removals, a test event) are ignored.

    Raises:
        Unprocessable: `data` is no JSON object, or one that no object store sends.
    """
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise Unprocessable("not-json", "the event's data is no JSON in UTF-8") from problem
    if not isinstance(message, dict):
        raise Unprocessable("not-a-notification", "the event's data is no JSON object")
    if "Records" not in message:
        if message.get("Event") == "s3:TestEvent":
            return Notification((), ignored=1)
        raise Unprocessable("not-a-notification", "the event's data has no Records")
    records = message["Records"]
    if not isinstance(records, list) or len(records) > MOST_RECORDS:
        raise Unprocessable("not-a-notification", f"Records is no list of at most {MOST_RECORDS}")
    return _read_records(records, keys)


def _read_records(records: list[Any], keys: KeyForm) -> Notification:
    stored: list[StoredObject] = []
    unreadable = ignored = 0
    for record in records:
        if not isinstance(record, dict) or not isinstance(record.get("eventName"), str):
            unreadable += 1
        elif not record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
            ignored += 1
        else:
            found = _read_record(record, keys)
            if found is None:
                unreadable += 1
            else:
                stored.append(found)
    return Notification(tuple(stored), unreadable, ignored)


def _read_record(record: Mapping[str, Any], keys: KeyForm) -> StoredObject | None:
    place = record.get("s3")
    bucket = place.get("bucket") if isinstance(place, dict) else None
    item = place.get("object") if isinstance(place, dict) else None
    if not isinstance(bucket, dict) or not isinstance(item, dict):
        return None
    name, key = bucket.get("name"), item.get("key")
    if not _is_text(name, LONGEST_BUCKET) or not _is_text(key, 3 * LONGEST_KEY):
        return None
    if _encodes_keys(record, bucket, keys):
        key = _decoded(key)
    etag = item.get("eTag") or item.get("etag") or ""
    version = item.get("versionId") or ""
    if not _is_text(key, LONGEST_KEY) or not isinstance(etag, str) or not isinstance(version, str):
        return None
    etag, version = etag.strip('"'), "" if version == "null" else version
    if not _is_text(version or etag, LONGEST_VERSION):
        return None
    return StoredObject(name, key, version, etag, _size(item.get("size")), _time(record.get("eventTime")))


def _encodes_keys(record: Mapping[str, Any], bucket: Mapping[str, Any], keys: KeyForm) -> bool:
    if keys is not KeyForm.AUTO:
        return keys is KeyForm.ENCODED
    source = str(record.get("eventSource") or "")
    # versitygw calls itself aws:s3 and sends keys raw; its ARN, with bucket and key behind a slash, gives it away.
    versity = str(bucket.get("arn") or "").startswith("arn:aws:s3:::/")
    return not source.startswith("ceph") and not versity


def _decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        return ""


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(value.encode()) <= longest
    except UnicodeEncodeError:
        return False


def _size(value: object) -> int | None:
    # Ceph's documentation shows text where its code sends a number.
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        size = int(value)
    except ValueError:
        return None
    return size if size >= 0 else None


def _time(value: object) -> datetime | None:
    return parse_time(value) if isinstance(value, str) else None
