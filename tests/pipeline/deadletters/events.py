"""Events as a Kafka source gives them up, and what makes letters of them."""

from __future__ import annotations

import base64
import json
from typing import Any

from medpattern.pipeline.deadletters.letters import LetterMaker
from medpattern.pipeline.deadletters.sealing import Seal
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.identity import ObjectVersion
from tests.pipeline.samples import KEYS

BUCKET = "xrays"
SEAL = Seal((b"a key of the tests that seals dead letters",))
MAKER = LetterMaker(KEYS, frozenset({BUCKET}), SEAL)


def record(key: str, bucket: str = BUCKET, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """One entry of a notification, as Ceph writes it; the eTag is made of the key."""
    etag = key.encode().hex()[:32].ljust(32, "0")
    return {
        "eventSource": "ceph:s3",
        "eventName": name,
        "eventTime": "2026-11-21T09:00:05.000000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1000, "eTag": etag, "versionId": ""}},
    }


def image(key: str, bucket: str = BUCKET) -> ObjectVersion:
    """The image that `record` names."""
    return ObjectVersion(bucket, key, key.encode().hex()[:32].ljust(32, "0"))


def notification(*records: dict[str, Any]) -> bytes:
    """A notification; the blanks show whether its bytes are kept."""
    return json.dumps({"Records": list(records)}, indent=1).encode()


def problem(status: int, reason: str, detail: str = "") -> dict[str, str]:
    """What a source adds that was answered so by this program."""
    from medpattern.pipeline.http.responses import problem as answer

    body = bytes(answer(status, reason, detail).body)
    return {
        "knativeerrordest": "http://risk-assessment.xray.svc",
        "knativeerrorcode": str(status),
        "knativeerrordata": base64.b64encode(body[:1024]).decode(),
    }


def given_up(data: bytes, offset: int = 7, **extensions: str) -> CloudEvent:
    """The event of a record, given up with `extensions`."""
    return CloudEvent(
        id=f"partition:0/offset:{offset}",
        source="/apis/v1/namespaces/xray/kafkasources/images#images",
        type="dev.knative.kafka.event",
        subject=f"partition:0#{offset}",
        time="2026-11-21T09:00:06Z",
        data=data,
        extensions=extensions or problem(503, "s3-unavailable"),
    )
