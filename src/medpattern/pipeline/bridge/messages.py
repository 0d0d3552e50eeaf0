"""What a request's body is: a notification to forward, an envelope of SNS, or nothing to do. Pure functions.

Ceph's notification holds every x-amz-* header of the upload as `metadata`; with SSE-C one of them is the
customer's key in clear. What is not x-amz-meta-* is therefore dropped before anything is kept. A message of which
nothing has to be dropped goes on byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from medpattern.pipeline.failures import Unprocessable

_ENVELOPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")
_KEPT = "x-amz-meta-"


@dataclass(frozen=True, slots=True)
class Forward:
    """A record for the topic. `key` says which object it is about without naming it; `dropped` entries are gone."""

    value: bytes = field(repr=False)
    key: str | None
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Confirm:
    """SNS asks whether the subscription is wanted: the answer is a GET of `url`."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing to do: a test event, or the end of a subscription."""

    why: str


def read_message(body: bytes, envelope: str = "") -> Forward | Confirm | Ignore:
    """What `body` is; `envelope` is the header x-amz-sns-message-type, which moto leaves out.

    Raises:
        Unprocessable: it is no JSON object, or an envelope without content.
    """
    message = _object(body)
    kind = envelope or _envelope(message)
    if kind == "SubscriptionConfirmation":
        return Confirm(_text(message, "SubscribeURL"))
    if kind == "UnsubscribeConfirmation":
        return Ignore("unsubscribed")
    if kind == "Notification":
        body = _text(message, "Message").encode("utf-8", "surrogatepass")
        message = _object(body)
    if "Records" not in message and message.get("Event") == "s3:TestEvent":
        return Ignore("test-event")
    dropped = _scrub(message)
    return Forward(_written(message) if dropped else body, _key(message), dropped)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Unprocessable("not-json", "the request's body is no JSON in UTF-8") from problem
    if not isinstance(found, dict):
        raise Unprocessable("not-a-notification", "the request's body is no JSON object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _envelope(message: dict[str, Any]) -> str:
    kind = message.get("Type")
    return kind if kind in _ENVELOPES and "TopicArn" in message and "Records" not in message else ""


def _text(message: dict[str, Any], name: str) -> str:
    found = message.get(name)
    if not isinstance(found, str) or not found:
        raise Unprocessable("not-a-notification", f"an envelope of SNS without {name}")
    return found


def _written(message: dict[str, Any]) -> bytes:
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError) as problem:
        raise Unprocessable("not-json", "the request's body holds a number beyond JSON") from problem


def _scrub(message: dict[str, Any]) -> int:
    """Drops from all records what is no metadata of the user; returns how many entries went."""
    records = message.get("Records")
    return sum(_scrub_record(record) for record in records) if isinstance(records, list) else 0


def _scrub_record(record: object) -> int:
    item = _stored(record)
    if not item or "metadata" not in item:
        return 0
    metadata = item["metadata"]
    if isinstance(metadata, list):
        kept = [entry for entry in metadata if isinstance(entry, dict) and _is_user(entry.get("key"))]
        item["metadata"] = kept
        return len(metadata) - len(kept)
    if isinstance(metadata, dict):
        item["metadata"] = {name: value for name, value in metadata.items() if _is_user(name)}
        return len(metadata) - len(item["metadata"])
    del item["metadata"]
    return 1


def _is_user(name: object) -> bool:
    return isinstance(name, str) and name.lower().startswith(_KEPT)


def _stored(record: object) -> dict[str, Any]:
    place = record.get("s3") if isinstance(record, dict) else None
    item = place.get("object") if isinstance(place, dict) else None
    return item if isinstance(item, dict) else {}


def _key(message: dict[str, Any]) -> str | None:
    """16 hex digits for bucket and key of the first record: events of one object share a partition."""
    records = message.get("Records")
    if not isinstance(records, list) or not records:
        return None
    item = _stored(records[0])
    bucket = records[0]["s3"].get("bucket") if item else None
    if not isinstance(bucket, dict):
        return None
    named = f"{bucket.get('name')}/{item.get('key')}"
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]
