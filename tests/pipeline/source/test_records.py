from __future__ import annotations

import base64
import http.client
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.cloudevents import CloudEvent, parse_request
from medpattern.pipeline.source.records import Origin, Record, dead_letter, event_of, request_headers

ORIGIN = Origin("xraylab", "xray-images", "images")
# 2026-11-21T02:55:58.572Z
MOMENT = 1795229758572


def record(key: bytes | None = None, value: bytes | None = b'{"Records":[]}', **more: object) -> Record:
    return Record(2, 41, MOMENT, key, value, **more)  # type: ignore[arg-type]


def test_a_record_of_ceph_has_the_headers_of_a_kafka_source_and_no_others() -> None:
    # platform-apis: no key, no content type where the record has none.
    assert request_headers(event_of(record(), ORIGIN), "xraylab") == {
        "ce-specversion": "1.0",
        "ce-type": "dev.knative.kafka.event",
        "ce-source": "/apis/v1/namespaces/xraylab/kafkasources/xray-images#images",
        "ce-id": "partition:2/offset:41",
        "ce-subject": "partition:2#41",
        "ce-time": "2026-11-21T02:55:58.572Z",
        "Kn-Namespace": "xraylab",
        "Prefer": "reply",
    }


def test_key_and_headers_of_the_record_become_extensions() -> None:
    headers = (("Trace-ID", b"a b"), ("content-type", b"application/json"), ("\u00e4", b"?"), ("empty", None))
    found = request_headers(event_of(record(b"bucket/k\xc3\xb6y", headers=headers), ORIGIN), "xraylab")
    assert found["ce-key"] == found["ce-partitionkey"] == "bucket/k%C3%B6y"
    assert found["ce-kafkaheadertraceid"] == "a%20b"
    assert found["content-type"] == "application/json"
    assert {name for name in found if name.startswith("ce-kafkaheader")} == {
        "ce-kafkaheadertraceid",
        "ce-kafkaheadercontenttype",
    }


EVENT = CloudEvent(
    "7", "/there", "some.type", b'{"a":1}', "s", "2026-01-01T00:00:00Z", "application/json", {"own": "x"}
)


def test_a_record_that_is_an_event_is_passed_on_as_that_event() -> None:
    binary = record(b"key", EVENT.data, headers=EVENT.kafka_headers())
    assert event_of(binary, ORIGIN) == EVENT
    structured = json.dumps(EVENT.structured()).encode()
    found = event_of(record(None, structured, headers=[("content-type", b"application/cloudevents+json")]), ORIGIN)
    assert (found.id, found.source, found.type, found.extensions) == ("7", "/there", "some.type", {"own": "x"})
    assert json.loads(found.data) == {"a": 1}


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([("ce_specversion", b"0.3"), ("ce_id", b"1")], b"x"),
        ([("ce_specversion", b"1.0")], b"x"),
        ([("content-type", b"application/cloudevents+json")], b"not json"),
        ([("content-type", b"application/cloudevents+json")], b"[" * 100_000),
        (
            [("content-type", b"application/cloudevents+json")],
            b'{"specversion":"1.0","id":"\\ud800","source":"s","type":"t"}',
        ),
    ],
)
def test_a_record_that_only_says_so_is_a_record_like_any(headers: list[tuple[str, bytes]], value: bytes) -> None:
    found = event_of(record(None, value, headers=headers), ORIGIN)
    assert (found.type, found.id, found.data) == ("dev.knative.kafka.event", "partition:2/offset:41", value)


HEADER = st.tuples(st.text(max_size=80), st.none() | st.binary(max_size=200))


@given(
    key=st.none() | st.binary(max_size=100),
    value=st.none() | st.binary(max_size=100),
    timestamp=st.integers(-(2**63), 2**63 - 1),
    headers=st.lists(HEADER | st.sampled_from([("ce_specversion", b"1.0"), ("ce_id", b"\xff\r\n"), ("ce_type", b"t"),
                                               ("ce_source", b"s"), ("content-type", b"a\r\nx: y")]), max_size=8),
)  # fmt: skip
def test_every_record_makes_a_request_that_can_be_sent(
    key: bytes | None, value: bytes | None, timestamp: int, headers: list[tuple[str, bytes | None]]
) -> None:
    event = event_of(Record(0, 1, timestamp, key, value, headers), ORIGIN)
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.putrequest("POST", "/")
    found = request_headers(dead_letter(event, "http://sink/", 3, 500, b"why"), "ns")
    for name, text in found.items():
        connection.putheader(name, text)  # raises ValueError at what HTTP does not allow
    assert event.data == (value or b"")
    lower = {name.lower(): text for name, text in found.items()}
    assert parse_request(lower, event.data)[0].extensions["knativeerrorcode"] == "500"


def test_a_dead_letter_is_the_same_event_with_the_reason() -> None:
    letter = dead_letter(EVENT, "http://sink/", 5, 422, b"x" * 3000)
    found = letter.headers()
    assert found["ce-knativeerrordest"] == "http://sink/"
    assert found["ce-knativeerrorcode"] == "422"
    assert base64.b64decode(found["ce-knativeerrordata"].replace("%3D", "=")) == b"x" * 1024
    assert found["ce-attempts"] == "5"
    assert {name: found[name] for name in EVENT.headers()} == EVENT.headers()
    assert letter.data == EVENT.data


def test_a_dead_letter_without_an_answer_names_the_sink_alone() -> None:
    found = dead_letter(EVENT, "http://sink/", 1, None, b"").headers()
    assert found["ce-knativeerrordest"] == "http://sink/"
    assert "ce-knativeerrorcode" not in found
    assert "ce-knativeerrordata" not in found
