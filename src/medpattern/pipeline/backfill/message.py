"""The record of a backfill: a notification as Ceph sends it, and the header that tells it from a fresh one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum

from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.events.notifications import StoredObject

HEADER = "backfill"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Mode(StrEnum):
    """Whether staff may be told of what a backfill finds."""

    SILENT = "silent"
    NOTIFY = "notify"


def notification(stored: StoredObject) -> bytes:
    """One message with one record, in the form that Ceph's RGW sends: the key raw, the time that of the storing."""
    moment = stored.stored or _EPOCH
    seconds = f"{moment.timestamp():.6f}"
    record = {
        "eventVersion": "2.2",
        "eventSource": "ceph:s3",
        "awsRegion": "",
        "eventTime": rfc3339(moment),
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": ""},
        "requestParameters": {"sourceIPAddress": ""},
        "responseElements": {"x-amz-request-id": "", "x-amz-id-2": ""},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "medpattern-backfill",
            "bucket": {
                "name": stored.bucket,
                "ownerIdentity": {"principalId": ""},
                "arn": f"arn:aws:s3:::{stored.bucket}",
                "id": "",
            },
            "object": {
                "key": stored.key,
                "size": stored.size or 0,
                "eTag": stored.etag,
                "versionId": stored.version_id,
                "sequencer": _sequencer(moment),
                "metadata": [],
                "tags": [],
            },
        },
        "eventId": f"{seconds}.{stored.etag}",
        "opaqueData": "",
    }
    return json.dumps({"Records": [record]}, ensure_ascii=False, separators=(",", ":")).encode()


def headers(mode: Mode) -> list[tuple[str, bytes]]:
    """The record's headers; a KafkaSource passes it on as ce-kafkaheaderbackfill."""
    return [(HEADER, mode.value.encode())]


def _sequencer(moment: datetime) -> str:
    """Seconds and nanoseconds as two little-endian numbers of 32 bits, in hexadecimal, as RGW writes them."""
    seconds = int(moment.timestamp())
    parts = (seconds & 0xFFFF_FFFF, moment.microsecond * 1000)
    return b"".join(part.to_bytes(4, "little") for part in parts).hex().upper()
