"""One letter per image of ours; what it says names nobody; what it seals can be sent again."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.deadletters.letter import DeadLetter, open_event, read_letter
from medpattern.pipeline.deadletters.letters import rounds_of
from medpattern.pipeline.deadletters.replay import replay_record
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.events.notifications import parse_notification
from medpattern.pipeline.failures import Unprocessable
from tests.pipeline.deadletters.events import MAKER, SEAL, given_up, image, notification, problem, record
from tests.pipeline.samples import KEYS

AT = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
KEY = "ward 7/DOE^JANE+1.png"


def letters(event: CloudEvent) -> tuple[DeadLetter, ...]:
    return MAKER.letters_of(event, AT)


def test_the_letter_of_an_image() -> None:
    (letter,) = letters(given_up(notification(record(KEY)), **problem(422, "not-an-image", "no known format")))
    assert (letter.image_id, letter.image_pseudonym) == (KEYS.image_id(image(KEY)), KEYS.image_pseudonym(image(KEY)))
    assert (letter.reason, letter.detail, letter.retryable) == ("not-an-image", "no known format", False)
    assert (letter.attempts, letter.first_at, letter.last_at) == (1, AT, AT)


def test_what_can_be_read_of_a_letter_names_nobody() -> None:
    (letter,) = letters(given_up(notification(record(KEY))))
    for part in ("DOE", "JANE", "ward", "xrays", image(KEY).version):
        assert part.encode() not in letter.record()
        assert part not in repr(letter)


def test_the_same_image_has_the_same_letter_wherever_its_event_lay() -> None:
    ids = {letters(given_up(notification(record(KEY)), offset))[0].id for offset in (1, 2)}
    assert ids == {KEYS.image_id(image(KEY))}


def test_each_image_of_a_message_has_its_own_letter_with_its_own_record_alone() -> None:
    data = notification(record("a"), record("b"), record("a"), record("removed", name="ObjectRemoved:Delete"))
    found = letters(given_up(data))
    assert [letter.image_id for letter in found] == [KEYS.image_id(image(key)) for key in "ab"]
    for letter, key in zip(found, "ab", strict=True):
        kept = open_event(letter.sealed, letter.id, SEAL).event.data
        assert [stored.key for stored in parse_notification(kept).stored] == [key]


def test_what_is_not_ours_or_not_readable_gets_one_letter_without_an_image() -> None:
    broken = {"eventName": "ObjectCreated:Put"}
    found = letters(given_up(notification(record("a"), record("b", "else"), broken)))
    assert [letter.image_pseudonym for letter in found] == [KEYS.image_pseudonym(image("a")), None]
    rest = json.loads(open_event(found[1].sealed, found[1].id, SEAL).event.data)
    assert rest == {"Records": [record("b", "else"), broken]}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"no json", b"[]", b"{}", b'{"Records": 1}', b'{"Event": "s3:TestEvent"}', b"[" * 100_000,
     notification(), notification(record("b", "else")), notification(record("x", name="ObjectRemoved:Delete"))],
)  # fmt: skip
def test_an_event_without_an_image_of_ours_is_kept_byte_by_byte(data: bytes) -> None:
    (letter,) = letters(given_up(data))
    assert (letter.image_id, letter.image_pseudonym) == (None, None)
    assert open_event(letter.sealed, letter.id, SEAL).event.data == data


def test_a_replayed_event_without_an_image_comes_back_as_the_same_letter() -> None:
    (first,) = letters(given_up(b"broken", 1))
    (again,) = letters(given_up(b"broken", 2, kafkaheaderreplay="1"))
    assert again.id == first.id
    assert (first.attempts, again.attempts) == (1, 2)
    assert letters(given_up(b"other", 1))[0].id != first.id


def test_an_event_that_is_a_cloudevent_itself_is_known_by_source_and_id() -> None:
    event = replace(given_up(b"broken"), type="com.example.stored", id="1", source="/gateway")
    assert letters(event)[0].id == KEYS.event_id("/gateway", "1")


@pytest.mark.parametrize(
    ("extensions", "rounds"),
    [({}, 0), ({"kafkaheaderreplay": "3"}, 3), ({"replay": "2"}, 2), ({"replay": "-1"}, 0), ({"replay": "x"}, 0),
     ({"replay": "99999999999999999999"}, 999), ({"replay": "\u0664"}, 0)],
)  # fmt: skip
def test_how_often_an_event_was_replayed(extensions: dict[str, str], rounds: int) -> None:
    assert rounds_of(extensions) == rounds


def test_a_replay_brings_the_same_bytes_key_and_headers() -> None:
    data = notification(record(KEY))
    marks = {"kafkaheaderbackfill": "true", "kafkaheaderreplay": "1", "key": "k\u00e4y", "partitionkey": "k\u00e4y"}
    event = replace(given_up(data, **problem(503, "busy"), attempts="5", **marks), content_type="application/json")
    (letter,) = letters(event)
    key, value, headers = replay_record(open_event(letter.sealed, letter.id, SEAL).event, letter.attempts)
    assert (key, value) == ("k\u00e4y", data)
    assert dict(headers) == {"backfill": b"true", "content-type": b"application/json", "replay": b"2"}


def test_a_replayed_cloudevent_stays_one() -> None:
    event = CloudEvent("1", "/gateway", "com.example.stored", b"{}", "s", "2026-11-21T09:00:00Z", "application/json",
                       {"traceparent": "00-1-2-03", **problem(503, "busy"), "attempts": "4"})  # fmt: skip
    (letter,) = letters(event)
    _, value, headers = replay_record(open_event(letter.sealed, letter.id, SEAL).event, 1)
    assert value == b"{}"
    assert dict(headers) == {
        "ce_specversion": b"1.0", "ce_id": b"1", "ce_source": b"/gateway", "ce_type": b"com.example.stored",
        "ce_subject": b"s", "ce_time": b"2026-11-21T09:00:00Z", "ce_traceparent": b"00-1-2-03", "ce_replay": b"1",
        "content-type": b"application/json",
    }  # fmt: skip


def test_an_event_too_large_for_a_record_leaves_a_letter_that_says_so() -> None:
    data = notification(record("a") | {"padding": os.urandom(800_000).hex()})
    (letter,) = letters(given_up(data))
    assert (letter.reason, letter.retryable) == ("event-too-large", False)
    assert letter.image_id == KEYS.image_id(image("a"))
    assert len(letter.record()) < 1_000_000
    assert not open_event(letter.sealed, letter.id, SEAL).whole


def test_half_a_surrogate_pair_does_not_keep_an_event_from_being_sent_again() -> None:
    (letter,) = letters(replace(given_up(b"x"), type="t", id="\ud800", source="/s"))
    assert replay_record(open_event(letter.sealed, letter.id, SEAL).event, 1)[1] == b"x"


ATTRIBUTES = st.text(min_size=1, max_size=30)


@given(ATTRIBUTES, ATTRIBUTES, ATTRIBUTES, st.binary(max_size=200))
def test_any_event_leaves_letters_that_can_be_read_again(id: str, source: str, type: str, data: bytes) -> None:  # noqa: A002
    for letter in letters(CloudEvent(id, source, type, data)):
        assert read_letter(letter.record()) == letter
        assert open_event(letter.sealed, letter.id, SEAL).event.data == data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


NAMES = ["id", "imageId", "image", "reason", "detail", "retryable", "attempts", "firstAt", "lastAt", "sealed"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.booleans())
def test_a_record_that_is_no_letter_is_refused(changes: dict[str, object], whole: bool) -> None:
    value = json.loads(letters(given_up(b"x"))[0].record()) if whole else {}
    try:
        letter = read_letter(json.dumps(value | changes).encode())
    except Unprocessable:
        return
    assert len(letter.id) == 64
    assert 1 <= letter.attempts <= 1000
