from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.notifications import KeyForm, Notification, StoredObject, parse_notification
from medpattern.pipeline.failures import Unprocessable
from tests.pipeline.events.recorded import recorded

# What the recorder called the object with every sort of character; all stores must agree on it.
ODD = 'ward A/naïve röntgen + 100% ü✓ "q".png'
PNG = "a51cb4407112be7e8047d058ca2a6743"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"

# Case -> key, eTag, versionId and size of what was stored.
STORED: dict[tuple[str, str], tuple[str, str, str, int | None]] = {
    ("rgw", "put"): ("2026/11/21/patient-001.png", PNG, "", 1008),
    ("rgw", "multipart_complete"): ("multi/big.dcm", "daebcb5e72f14b690c18018c9f92af05-2", "", 10 << 20),
    ("rgw", "copy"): ("copied/patient-001.png", PNG, "", 1008),
    ("rgw", "put_key_with_spaces_and_unicode"): (ODD, PNG, "", 1008),
    ("rgw", "put_zero_bytes"): ("empty.png", EMPTY, "", 0),
    ("rgw", "put_with_tags"): ("tagged.png", PNG, "", 1008),
    ("rgw", "overwrite"): ("2026/11/21/patient-001.png", "f084be37ed84e9d0d2a02d4d4be59745", "", 14),
    ("rgw", "versioned_put"): ("versioned.png", PNG, "fCjiy1.gduhi-WWcJN6OGcDvK.Vme2H", 1008),
    ("minio", "put"): ("a.png", "398533d48111e9f664b1f64cb10c4b63", "", 1000),
    ("minio", "put odd key"): (ODD, "9dd4e461268c8034f5c8564e155c67a6", "", 1),
    ("minio", "put empty"): ("empty", EMPTY, "", None),
    ("minio", "overwrite"): ("a.png", "415290769594460e2e485922904f345d", "", 1),
    ("minio", "copy"): ("c.png", "415290769594460e2e485922904f345d", "", 1),
    ("minio", "multipart"): ("mp", "dec8dc36cc03d0308895335a4a1770a2-2", "", 10_600_000),
    ("minio", "presigned put"): ("pre", "c483f6ce851c9ecd9fb835ff7551737c", "", 2),
    ("minio", "SSE-S3 put"): ("sse", "03c7c0ace395d80182db07ae2c30f034", "", 1),
    ("minio", "versioned put"): ("v", "c4ca4238a0b923820dcc509a6f75849b", "3d0b5c2a-29d6-4982-800a-c7af15feec9a", 1),
    # Nothing new: the same key and eTag as the overwrite, so the same image.
    ("minio", "tagging"): ("a.png", "415290769594460e2e485922904f345d", "", 1),
    ("versitygw", "put"): ("a.png", "398533d48111e9f664b1f64cb10c4b63", "", 1000),
    ("versitygw", "put odd key"): (ODD, "9dd4e461268c8034f5c8564e155c67a6", "", 1),
    ("versitygw", "put empty"): ("empty", EMPTY, "", 0),
    ("versitygw", "overwrite"): ("a.png", "415290769594460e2e485922904f345d", "", 1),
    ("versitygw", "copy"): ("c.png", "415290769594460e2e485922904f345d", "", 0),
    ("versitygw", "multipart"): ("mp", "dec8dc36cc03d0308895335a4a1770a2-2", "", 0),
    ("versitygw", "presigned put"): ("pre", "c483f6ce851c9ecd9fb835ff7551737c", "", 2),
    ("versitygw", "SSE-S3 put"): ("sse", "03c7c0ace395d80182db07ae2c30f034", "", 1),
    ("versitygw", "SSE-C put"): ("ssec", "03c7c0ace395d80182db07ae2c30f034", "", 1),
    ("versitygw", "versioned put"): ("v", "c4ca4238a0b923820dcc509a6f75849b", "", 1),
}
MESSAGES = [
    pytest.param(store, case, message, id=f"{store}: {case}")
    for store in ("rgw", "minio", "versitygw")
    for case, messages in recorded(store).items()
    for message in messages
]


@pytest.mark.parametrize(("store", "case", "message"), MESSAGES)
def test_recorded_notifications_say_what_was_stored(store: str, case: str, message: bytes) -> None:
    found = parse_notification(message)
    wanted = STORED.get((store, case))
    assert found.unreadable == 0
    if wanted is None:
        assert (found.stored, found.ignored) == ((), 1)
        return
    item = found.stored[0]
    assert (item.key, item.etag, item.version_id, item.size) == wanted
    assert item.image.version == (item.version_id or item.etag)
    assert item.stored is not None
    assert item.stored.date() == datetime(2026, 11, 21, tzinfo=UTC).date()


def test_every_sort_of_store_was_recorded() -> None:
    assert {(store, case) for store, case, _ in (param.values for param in MESSAGES)} >= set(STORED)


def aws(key: str = "a.png", **changes: Any) -> dict[str, Any]:
    """A record as AWS documents it; `changes` go into its object, None takes a field away."""
    item: dict[str, Any] = {"key": key, "size": 1024, "eTag": PNG, "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko"}
    item = {name: value for name, value in (item | {"sequencer": "0055AED6DCD90281E5"} | changes).items()
            if value is not None}  # fmt: skip
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-21T09:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "EXAMPLE123456789", "x-amz-id-2": "EXAMPLE123/abc"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "testConfigRule",
            "bucket": {"name": "images", "ownerIdentity": {"principalId": "EXAMPLE"}, "arn": "arn:aws:s3:::images"},
            "object": item,
        },
    }


def moto(key: str = "a.png") -> dict[str, Any]:
    """A record as moto makes it: without versionId, sequencer and user."""
    record = aws(key, versionId=None, sequencer=None)
    del record["userIdentity"]
    return record | {"eventName": "ObjectCreated:Put"}


def ceph(key: str = "a.png", **changes: Any) -> dict[str, Any]:
    record = aws(key, versionId="", **changes)
    return record | {"eventSource": "ceph:s3"}


def parse(*records: Any, keys: KeyForm = KeyForm.AUTO) -> Notification:
    return parse_notification(json.dumps({"Records": list(records)}).encode(), keys)


def only(notification: Notification) -> StoredObject:
    assert len(notification.stored) == 1
    return notification.stored[0]


def test_aws_and_moto_encode_keys() -> None:
    assert only(parse(aws("red+flower%2F%C3%BC.png"))).key == "red flower/ü.png"
    found = only(parse(moto("a+b%2F%C3%BC.png")))
    assert (found.key, found.image.version) == ("a b/ü.png", PNG)


def test_old_ceph_is_read_too() -> None:
    # Up to Pacific: prefix, `etag`; very old ones a blank in the time; the documentation shows the size as text.
    record = ceph("100%+.png", eTag=None, etag=PNG, size="12") | {
        "eventName": "s3:ObjectCreated:Put",
        "eventTime": "2019-11-22 13:47:35.124724Z",
    }
    found = only(parse(record))
    assert (found.key, found.etag, found.size) == ("100%+.png", PNG, 12)
    assert found.stored == datetime(2019, 11, 22, 13, 47, 35, 124724, tzinfo=UTC)


def test_a_setting_decides_for_a_store_unknown_here() -> None:
    other = aws("a%2Bb") | {"eventSource": "garage:s3"}
    assert only(parse(other, keys=KeyForm.RAW)).key == "a%2Bb"
    assert only(parse(other, keys=KeyForm.ENCODED)).key == "a+b"
    assert only(parse(ceph("a%2Bb"), keys=KeyForm.ENCODED)).key == "a+b"


def test_all_records_are_read_and_what_is_not_ours_is_counted() -> None:
    removed = aws() | {"eventName": "s3:ObjectRemoved:Delete"}
    broken = aws() | {"s3": {"bucket": {"name": "images"}}}
    found = parse(aws("1"), removed, ceph("2"), broken, 7, moto("3"))
    assert [item.key for item in found.stored] == ["1", "2", "3"]
    assert (found.ignored, found.unreadable) == (1, 2)


def test_a_test_event_is_nothing() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "images", "RequestId": "1", "HostId": "2"}
    assert parse_notification(json.dumps(event).encode()) == Notification((), ignored=1)


def test_a_version_called_null_is_none() -> None:
    assert only(parse(aws(versionId="null"))).image.version == PNG


@pytest.mark.parametrize(
    "changes",
    [
        {"eTag": None, "versionId": None},
        {"eTag": "", "versionId": ""},
        {"eTag": '""', "versionId": "null"},
        {"eTag": 7},
        {"versionId": ["1"]},
        {"key": ""},
        {"key": None},
        {"key": 1},
        {"key": "k" * 1025},
        {"key": "ü" * 513},
        {"key": "%ff"},
        {"key": "\ud800"},
        {"versionId": "v" * 1025},
    ],
)
def test_a_record_that_names_no_object_version_is_unreadable(changes: dict[str, Any]) -> None:
    found = parse(aws(**changes))
    assert (found.stored, found.unreadable) == ((), 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"{", "not-json"),
        (b"[" * 200_000, "not-json"),
        (b"[]", "not-a-notification"),
        (b"null", "not-a-notification"),
        (b"{}", "not-a-notification"),
        (b'{"Records": {}}', "not-a-notification"),
        (b'{"Records": [' + b"0," * 10_000 + b"0]}", "not-a-notification"),
        (b'{"Event": "s3:Other"}', "not-a-notification"),
    ],
)
def test_what_is_no_notification_can_never_be_processed(data: bytes, reason: str) -> None:
    with pytest.raises(Unprocessable) as told:
        parse_notification(data)
    assert told.value.reason == reason


KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


@given(KEYS)
def test_every_key_is_read_the_same_from_every_store(key: str) -> None:
    wanted = [key] * 4
    versity = aws(key)
    versity["s3"]["bucket"]["arn"] = f"arn:aws:s3:::/images/{key}"
    found = parse(ceph(key), aws(quote_plus(key)), aws(quote(key, safe="")), versity)
    assert [item.key for item in found.stored] == wanted


@given(KEYS)
def test_no_text_for_people_holds_a_key(key: str) -> None:
    marked = f"DOE^JANE {key}"
    found = parse(ceph(marked), aws(quote(marked, safe="")))
    assert "DOE" not in f"{found!r} {found.stored[0]!s} {found.stored[0].image!r}"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "eTag", "versionId", "eventName",
                         "eventSource", "eventTime", "size", "arn", "Event"]) | st.text(max_size=5), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip


@given(ANY_JSON | st.binary(), st.sampled_from(KeyForm))
def test_any_input_is_read_or_refused(value: Any, keys: KeyForm) -> None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with contextlib.suppress(Unprocessable):
        found = parse_notification(data, keys)
        assert all(item.bucket and item.key and item.image.version for item in found.stored)


PARTS = st.sampled_from(
    [
        "eventName",
        "eventSource",
        "eventTime",
        "s3",
        "bucket",
        "object",
        "name",
        "key",
        "eTag",
        "size",
        "versionId",
        "arn",
    ]
)


@given(st.lists(st.tuples(PARTS, ANY_JSON), min_size=1, max_size=4))
def test_a_record_damaged_anywhere_is_read_or_counted(damage: list[tuple[str, Any]]) -> None:
    record = aws()
    for name, value in damage:
        _replace(record, name, value)
    found = parse(record)
    assert len(found.stored) + found.ignored + found.unreadable == 1


def _replace(part: dict[str, Any], name: str, value: Any) -> None:
    for inner in [inner for inner in part.values() if isinstance(inner, dict)]:
        _replace(inner, name, value)
    if name in part:
        part[name] = copy.deepcopy(value)
