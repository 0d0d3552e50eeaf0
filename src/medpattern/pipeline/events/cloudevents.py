"""CloudEvents 1.0 over HTTP: binary, structured and batched; the data stays the bytes that were sent.

Formats: https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents (bindings/http-protocol-binding.md,
formats/json-format.md). The SDK of the project decodes the data by its content type and knows no batches; an
event of a KafkaSource has no content type, and its bytes are what a dead letter must hold.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from medpattern.pipeline.failures import Unprocessable

JSON_EVENT = "application/cloudevents+json"
JSON_BATCH = "application/cloudevents-batch+json"
MOST_EVENTS = 1000

_NAME = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_OWN = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data", "data_base64")


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event. `time` is RFC 3339 text as it came; `extensions` have lower-case names."""

    id: str
    source: str
    type: str
    data: bytes = field(default=b"", repr=False)
    subject: str = ""
    time: str = ""
    content_type: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> dict[str, str]:
        """The headers of binary mode; the body is `data`."""
        attributes = {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type}
        attributes |= {"subject": self.subject, "time": self.time, **self.extensions}
        found = {f"ce-{name}": quote(value, safe=_SAFE) for name, value in attributes.items() if value}
        return found | ({"content-type": self.content_type} if self.content_type else {})

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        """The record headers of Kafka's binary mode (values are UTF-8, not percent-encoded)."""
        attributes = {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type}
        attributes |= {"subject": self.subject, "time": self.time, **self.extensions}
        found = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if value]
        return found + ([("content-type", self.content_type.encode())] if self.content_type else [])

    def structured(self) -> dict[str, Any]:
        """The event as the JSON object of structured mode; data that is no JSON goes as base64."""
        found: dict[str, Any] = {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type}
        found |= {"subject": self.subject} if self.subject else {}
        found |= {"time": self.time} if self.time else {}
        found |= {"datacontenttype": self.content_type} if self.content_type else {}
        found |= dict(self.extensions)
        if _is_json(self.content_type):
            # What only claims to be JSON goes as the bytes it is.
            with contextlib.suppress(ValueError, RecursionError):
                return found | {"data": json.loads(self.data)}
        return found | {"data_base64": base64.b64encode(self.data).decode()} if self.data else found


def parse_request(headers: Mapping[str, str], body: bytes) -> tuple[CloudEvent, ...]:
    """The events of one HTTP request; names of `headers` are in lower case.

    Raises:
        Unprocessable: the request holds no CloudEvent of version 1.0.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON_BATCH:
        batch = _json(body)
        if not isinstance(batch, list) or len(batch) > MOST_EVENTS:
            raise Unprocessable("not-a-cloudevent", f"a batch is a list of at most {MOST_EVENTS} events")
        return tuple(_from_json(item) for item in batch)
    if kind == JSON_EVENT:
        return (_from_json(_json(body)),)
    return (_from_headers(headers, body),)


def from_kafka(headers: Iterable[tuple[str, bytes | str | None]], value: bytes) -> CloudEvent | None:
    """The event that a record carries itself, or None where it is no CloudEvent."""
    texts = {name.lower(): _text(content) for name, content in headers}
    if texts.get("content-type", "").startswith(JSON_EVENT):
        return _from_json(_json(value))
    if "ce_specversion" not in texts:
        return None
    return _from_attributes({name[3:]: text for name, text in texts.items() if name.startswith("ce_")}
                            | {"datacontenttype": texts.get("content-type", "")}, value)  # fmt: skip


def _from_headers(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    return _from_attributes(attributes | {"datacontenttype": headers.get("content-type", "")}, body)


def _from_json(value: object) -> CloudEvent:
    if not isinstance(value, dict):
        raise Unprocessable("not-a-cloudevent", "a structured event is a JSON object")
    if "data_base64" in value:
        try:
            data = base64.b64decode(value["data_base64"], validate=True)
        except (TypeError, ValueError, binascii.Error) as problem:
            raise Unprocessable("not-a-cloudevent", "data_base64 is no base64") from problem
    else:
        data = json.dumps(value["data"]).encode() if "data" in value else b""
    attributes = {name: _scalar(item) for name, item in value.items() if name not in ("data", "data_base64")}
    return _from_attributes(attributes, data)


def _from_attributes(attributes: Mapping[str, str], data: bytes) -> CloudEvent:
    if attributes.get("specversion") != "1.0":
        raise Unprocessable("not-a-cloudevent", "specversion is not 1.0")
    missing = [name for name in ("id", "source", "type") if not attributes.get(name)]
    if missing:
        raise Unprocessable("not-a-cloudevent", f"without {', '.join(missing)}")
    return CloudEvent(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        data=data,
        subject=attributes.get("subject", ""),
        time=attributes.get("time", ""),
        content_type=attributes.get("datacontenttype", ""),
        extensions={name: text for name, text in attributes.items() if name not in _OWN and _NAME.fullmatch(name)},
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise Unprocessable("not-json", "the request's body is no JSON in UTF-8") from problem


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")
