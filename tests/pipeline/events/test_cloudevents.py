"""Our reading and writing of CloudEvents beside that of the project's own SDK."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.cloudevents import CloudEvent, from_kafka, parse_request
from medpattern.pipeline.failures import Unprocessable

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
# The SDK holds to the 20 characters that the specification recommends.
NAME = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(
    lambda name: (
        name not in {"id", "source", "type", "specversion", "subject", "time", "data", "datacontenttype", "dataschema"}
    )
)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@st.composite
def events(draw: st.DrawFn) -> CloudEvent:
    as_json = draw(st.booleans())
    data = json.dumps(draw(st.dictionaries(TEXT, TEXT | st.integers()))).encode() if as_json else draw(st.binary())
    return CloudEvent(
        id=draw(TEXT),
        source=draw(TEXT),
        type=draw(TEXT),
        subject=draw(TEXT),
        time=written(draw(TIMES)),
        content_type="application/json" if as_json else "application/octet-stream",
        data=data,
        extensions=draw(st.dictionaries(NAME, TEXT, max_size=4)),
    )


def same(event: SdkEvent, ours: CloudEvent) -> None:
    found = event.get_attributes()
    wanted: dict[str, Any] = {"specversion": "1.0", "id": ours.id, "source": ours.source, "type": ours.type}
    wanted |= {"subject": ours.subject, "time": datetime.fromisoformat(ours.time)}
    assert found == wanted | {"datacontenttype": ours.content_type} | dict(ours.extensions)
    data = event.get_data()
    if ours.content_type == "application/json":
        assert data == json.loads(ours.data)
    else:
        raw = data.encode() if isinstance(data, str) else data or b""
        assert raw == ours.data


def of_sdk(ours: CloudEvent) -> SdkEvent:
    attributes: dict[str, Any] = {"id": ours.id, "source": ours.source, "type": ours.type, "subject": ours.subject}
    attributes |= {
        "time": datetime.fromisoformat(ours.time),
        "datacontenttype": ours.content_type,
        "specversion": "1.0",
    }
    data = json.loads(ours.data) if ours.content_type == "application/json" else ours.data
    return SdkEvent(attributes | dict(ours.extensions), data)


@given(events())
def test_the_sdk_reads_what_we_write(event: CloudEvent) -> None:
    same(http.from_http_event(http.HTTPMessage(event.headers(), event.data)), event)
    headers = dict(event.kafka_headers())
    body = json.dumps(event.structured()).encode()
    structured = http.HTTPMessage({"content-type": "application/cloudevents+json"}, body)
    same(http.from_http_event(structured), event)
    assert headers["ce_id"] == event.id.encode()


@given(events())
def test_we_read_what_the_sdk_writes(event: CloudEvent) -> None:
    sdk = of_sdk(event)
    for message in (http.to_binary_event(sdk), http.to_structured_event(sdk)):
        (found,) = parse_request({name.lower(): value for name, value in message.headers.items()}, message.body)
        assert_same(found, event)
    record = kafka.to_structured_event(sdk)
    found_in_kafka = from_kafka(list(record.headers.items()), record.value)
    assert found_in_kafka is not None
    assert_same(found_in_kafka, event)


def assert_same(found: CloudEvent, event: CloudEvent) -> None:
    assert (found.id, found.source, found.type, found.subject) == (event.id, event.source, event.type, event.subject)
    assert (found.time, found.content_type) == (event.time, event.content_type)
    assert dict(found.extensions) == dict(event.extensions)
    if event.content_type == "application/json":
        assert json.loads(found.data) == json.loads(event.data)
    else:
        assert found.data == event.data


@given(events())
def test_an_event_survives_every_form_byte_for_byte(event: CloudEvent) -> None:
    assert parse_request(event.headers(), event.data) == (event,)
    assert from_kafka(event.kafka_headers(), event.data) == event


def test_a_batch_holds_several() -> None:
    one = CloudEvent("1", "s", "t", b"{}", content_type="application/json")
    two = CloudEvent("2", "s", "t", b"\x00")
    body = json.dumps([one.structured(), two.structured()]).encode()
    assert parse_request({"content-type": "application/cloudevents-batch+json; charset=utf-8"}, body) == (one, two)
    assert parse_request({"content-type": "application/cloudevents-batch+json"}, b"[]") == ()


def test_data_that_is_not_what_its_content_type_says_is_written_as_bytes() -> None:
    event = CloudEvent("1", "s", "t", b"{no json", content_type="application/json")
    found = event.structured()
    assert base64.b64decode(found["data_base64"]) == b"{no json"
    assert parse_request({"content-type": "application/cloudevents+json"}, json.dumps(found).encode()) == (event,)


def test_a_record_without_attributes_is_no_event() -> None:
    assert from_kafka([("content-type", b"application/json"), ("other", None)], b"{}") is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"ce-id": "1", "ce-source": "s", "ce-type": "t"}, b""),
        ({"ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-specversion": "0.3"}, b""),
        ({"ce-id": "", "ce-source": "s", "ce-type": "t", "ce-specversion": "1.0"}, b""),
        ({"content-type": "application/cloudevents+json"}, b"[]"),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion":"1.0","id":"1","source":"s"}'),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion":"1.0","data_base64":"?"}'),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion":"1.0","data_base64":7}'),
        ({"content-type": "application/cloudevents-batch+json"}, b"{}"),
        ({"content-type": "application/cloudevents-batch+json"}, b"[" + b"{}," * 1000 + b"{}]"),
    ],
)
def test_what_is_no_event_is_told(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unprocessable):
        parse_request(headers, body)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "content-type", "ce-x", "CE-", "ce-"]
    )
    | st.text(max_size=8),
    st.sampled_from(["1.0", "application/cloudevents+json", "application/cloudevents-batch+json", "%ff", "%"])
    | st.text(max_size=20),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["specversion", "id", "source", "type", "data", "data_base64", "time"]), inner, max_size=7),
)  # fmt: skip


@given(HEADERS, st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_request_is_read_or_refused(headers: dict[str, str], body: bytes) -> None:
    with contextlib.suppress(Unprocessable):
        assert all(event.id and event.source and event.type for event in parse_request(headers, body))
