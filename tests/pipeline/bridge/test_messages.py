from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.bridge.messages import Confirm, Forward, Ignore, read_message
from medpattern.pipeline.events.notifications import parse_notification
from medpattern.pipeline.failures import Unprocessable
from tests.pipeline.events.recorded import recorded

RGW = recorded("rgw")
SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="


def forwarded(body: bytes, envelope: str = "") -> Forward:
    found = read_message(body, envelope)
    assert isinstance(found, Forward)
    return found


def metadata(value: bytes) -> Any:
    return json.loads(value)["Records"][0]["s3"]["object"]["metadata"]


def with_metadata(entries: Any, case: str = "put") -> bytes:
    message = json.loads(RGW[case][0])
    message["Records"][0]["s3"]["object"]["metadata"] = entries
    return json.dumps(message).encode()


def test_a_notification_of_which_nothing_has_to_go_is_forwarded_byte_for_byte() -> None:
    (body,) = RGW["put"]
    found = forwarded(body)
    assert (found.value, found.dropped) == (body, 0)
    spaced = b"  " + body.replace(b'"Records":', b'"Records" :\n')
    assert forwarded(spaced).value == spaced


@pytest.mark.parametrize("case", sorted(set(RGW) - {"put"}))
def test_of_recorded_notifications_only_the_users_own_metadata_is_forwarded(case: str) -> None:
    (body,) = RGW[case]
    found = forwarded(body)
    before, after = metadata(body), metadata(found.value)
    assert after == [entry for entry in before if entry["key"].startswith("x-amz-meta-")]
    assert found.dropped == len(before) - len(after) > 0
    # Everything else is as it was.
    assert parse_notification(found.value) == parse_notification(body)
    assert json.loads(found.value) == json.loads(with_metadata(after, case))


SSE_C = [
    # As radosgw sends an upload with SSE-C: every x-amz- header of the request, the key among them.
    {"key": "x-amz-checksum-crc32", "val": "YTXNqQ=="},
    {"key": "x-amz-content-sha256", "val": "e46f613c23bf8decae61f100867e741cc641d0be74ae0b050e7fb49efa465788"},
    {"key": "x-amz-date", "val": "20261121T025559Z"},
    {"key": "x-amz-meta-study", "val": "cxr"},
    {"key": "x-amz-server-side-encryption-customer-algorithm", "val": "AES256"},
    {"key": "x-amz-server-side-encryption-customer-key", "val": SECRET},
    {"key": "x-amz-server-side-encryption-customer-key-md5", "val": "wv2Vb0E5R1ITkGz7/1Fsdg=="},
]


@pytest.mark.parametrize(
    "entries",
    [
        SSE_C,
        [{"key": entry["key"].upper(), "val": entry["val"]} for entry in SSE_C],
        {entry["key"]: entry["val"] for entry in SSE_C},
        [[entry["key"], entry["val"]] for entry in SSE_C],
        [{"name": entry["key"], "val": entry["val"]} for entry in SSE_C],
        [SECRET],
        SECRET,
        {"key": [SECRET]},
    ],
)
def test_a_customers_key_is_never_forwarded(entries: Any) -> None:
    found = forwarded(with_metadata(entries))
    assert SECRET.encode() not in found.value
    assert found.dropped
    assert SECRET not in repr(found)


def test_all_records_are_looked_through() -> None:
    message = json.loads(with_metadata(SSE_C))
    message["Records"] = [json.loads(RGW["put"][0])["Records"][0], 7, *message["Records"] * 2]
    found = forwarded(json.dumps(message).encode())
    assert SECRET.encode() not in found.value
    assert len(json.loads(found.value)["Records"]) == 4


def test_events_of_one_object_have_one_key_and_it_names_nothing() -> None:
    keys = {case: forwarded(body).key for case, (body,) in RGW.items()}
    assert keys["put"] == keys["overwrite"]
    assert keys["put"] != keys["copy"]
    assert len(set(keys.values())) == len(
        {json.loads(body)["Records"][0]["s3"]["object"]["key"] for (body,) in RGW.values()}
    )
    assert all(key and len(key) == 16 and int(key, 16) >= 0 for key in keys.values())


@pytest.mark.parametrize(
    "body", [b'{"Records": []}', b'{"Records": 7}', b'{"anything": "else"}', b'{"Records": [{}, 7]}']
)
def test_any_json_object_is_forwarded(body: bytes) -> None:
    # Whether it is a notification is the service's to say, whose no ends in the dead letters.
    assert forwarded(body) == Forward(body, None)


def test_the_test_event_is_for_nobody() -> None:
    assert read_message(b'{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}') == Ignore("test-event")
    for message in recorded("versitygw")["at start"]:
        assert read_message(message) == Ignore("test-event")


def envelope(message: str, kind: str = "Notification", **more: str) -> bytes:
    """As moto 5.2 posts it."""
    found = {
        "Type": kind,
        "MessageId": "1",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:images",
        "Message": message,
    }
    return json.dumps(found | {"Timestamp": "2026-11-21T09:00:00.000Z"} | more).encode()


@pytest.mark.parametrize("header", ["", "Notification"])
def test_an_envelope_of_sns_is_unwrapped_with_its_header_or_without(header: str) -> None:
    (body,) = RGW["put"]
    assert forwarded(envelope(body.decode()), header).value == body
    assert read_message(envelope('{"Event":"s3:TestEvent"}'), header) == Ignore("test-event")
    assert SECRET.encode() not in forwarded(envelope(with_metadata(SSE_C).decode()), header).value


def test_a_subscription_is_to_be_confirmed_and_its_end_is_nothing() -> None:
    url = "http://127.0.0.1:5000/?Action=ConfirmSubscription&Token=t"
    body = envelope("You have chosen ...", "SubscriptionConfirmation", SubscribeURL=url, Token="t")
    assert read_message(body) == Confirm(url)
    assert read_message(envelope("bye", "UnsubscribeConfirmation", SubscribeURL=url)) == Ignore("unsubscribed")


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"", ""),
        (b"\xff", ""),
        (b"[1]", ""),
        (b'"text"', ""),
        (b'{"a": NaN}', ""),
        (b"{" * 100_000, ""),
        (b'{"a":' * 100_000, ""),
        (b"{}", "Notification"),
        (envelope("no json"), ""),
        (envelope("[1]"), ""),
        (b"{}", "SubscriptionConfirmation"),
        (envelope("x", "SubscriptionConfirmation"), ""),
        (with_metadata(SSE_C).replace(b'"size": 1008', b'"size": 1e999'), ""),
    ],
)
def test_what_is_no_message_is_refused(body: bytes, header: str) -> None:
    with pytest.raises(Unprocessable) as told:
        read_message(body, header)
    assert told.value.reason in ("not-json", "not-a-notification")
    assert SECRET not in str(told.value)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("x-amz-meta-a"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "val", "metadata", "Type", "TopicArn",
                         "Message", "Event", "SubscribeURL"]), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip


@given(ANY | st.binary(), st.sampled_from(["", "Notification", "SubscriptionConfirmation", "other"]))
def test_any_body_is_read_or_refused(value: Any, header: str) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        found = read_message(body, header)
    except Unprocessable:
        return
    if isinstance(found, Forward):
        assert isinstance(json.loads(found.value), dict)


@given(ANY)
def test_whatever_its_form_no_metadata_but_the_users_is_forwarded(entries: Any) -> None:
    found = forwarded(with_metadata(entries))
    after = json.loads(found.value)["Records"][0]["s3"]["object"].get("metadata", [])
    names = [entry["key"] for entry in after] if isinstance(after, list) else list(after)
    assert all(name.lower().startswith("x-amz-meta-") for name in names)
