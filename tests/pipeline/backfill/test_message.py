"""What a backfill publishes is read as a notification of the very object version that was listed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.backfill.message import Mode, headers, notification
from medpattern.pipeline.clock import parse_time
from medpattern.pipeline.events.notifications import StoredObject, parse_notification

STORED = StoredObject("xrays", "ward A/röntgen + 100% ü✓ \"q\".png", "v1", "a51cb440", 1008,
                      datetime(2026, 11, 21, 2, 55, 58, tzinfo=UTC))  # fmt: skip

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(
    key=keys,
    version=st.just("") | st.text("abc0-", min_size=1),
    etag=st.text("0123456789abcdef-", min_size=1),
    size=st.integers(0, 2**40),
    moment=st.datetimes(datetime(2006, 3, 14), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_it_is_read_back_as_what_was_listed(key: str, version: str, etag: str, size: int, moment: datetime) -> None:
    stored = StoredObject("xrays", key, version, etag, size, moment)
    found = parse_notification(notification(stored))
    assert found.stored == (stored,)
    assert (found.ignored, found.unreadable) == (0, 0)


def record() -> dict[str, Any]:
    (found,) = json.loads(notification(STORED))["Records"]
    return found  # type: ignore[no-any-return]


def test_it_has_the_form_of_cephs_own() -> None:
    # The names and their nesting as radosgw 16.2 sent them (facts: rgw-notification-sample.json, case "put").
    assert set(record()) == {
        "eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity", "requestParameters",
        "responseElements", "s3", "eventId", "opaqueData",
    }  # fmt: skip
    assert set(record()["s3"]) == {"s3SchemaVersion", "configurationId", "bucket", "object"}
    assert set(record()["s3"]["object"]) == {
        "key", "size", "eTag", "versionId", "sequencer", "metadata", "tags",
    }  # fmt: skip
    assert record()["eventSource"] == "ceph:s3"
    assert parse_time(record()["eventTime"]) == STORED.stored


def test_sequencer_is_the_time_as_two_little_endian_numbers() -> None:
    data = bytes.fromhex(record()["s3"]["object"]["sequencer"])
    assert STORED.stored is not None
    assert int.from_bytes(data[:4], "little") == int(STORED.stored.timestamp())
    assert int.from_bytes(data[4:], "little") == 0


def test_header_says_whether_staff_may_be_told() -> None:
    assert headers(Mode.SILENT) == [("backfill", b"silent")]
    assert headers(Mode.NOTIFY) == [("backfill", b"notify")]
