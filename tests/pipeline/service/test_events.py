"""The event entrance, over HTTP as a KafkaSource uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from medpattern.pipeline.events.notifications import KeyForm, StoredObject
from medpattern.pipeline.failures import Busy, PipelineError, Unavailable, Unprocessable
from medpattern.pipeline.service.events import EventEntrance
from medpattern.pipeline.service.handling import Delivery, Ending

Outcome = Callable[[StoredObject], Ending | PipelineError]
KAFKA_SOURCE = {
    "ce-specversion": "1.0", "ce-type": "dev.knative.kafka.event", "ce-id": "partition:0/offset:7",
    "ce-source": "/apis/v1/namespaces/x/kafkasources/y#t", "ce-subject": "partition:0#7", "Prefer": "reply",
}  # fmt: skip


class Desk:
    """The entrance with a handler that notes what it is given and ends as `outcome` says."""

    def __init__(self, outcome: Outcome = lambda _: Ending.SCORED) -> None:
        self.seen: list[tuple[str, str]] = []
        self.deliveries: list[Delivery] = []
        self._outcome = outcome
        entrance = EventEntrance(self._handle, ("ours",), KeyForm.AUTO, "me", 100_000)
        self.client = TestClient(Starlette(routes=[Route("/", entrance.answer, methods=["POST"])]))

    async def _handle(self, stored: StoredObject, delivery: Delivery) -> Ending:
        self.seen.append((stored.bucket, stored.key))
        self.deliveries.append(delivery)
        ending = self._outcome(stored)
        if isinstance(ending, Exception):
            raise ending
        return ending

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return self.client.post("/", content=body, headers=KAFKA_SOURCE if headers is None else headers)


def record(key: str = "a.png", bucket: str = "ours", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    place = {"bucket": {"name": bucket}, "object": {"key": key, "size": 3, "eTag": "e1", "versionId": ""}}
    return {"eventName": name, "eventSource": "ceph:s3", "eventTime": "2026-11-21T02:55:58.572916Z", "s3": place}


def notification(*records: dict[str, Any]) -> bytes:
    return json.dumps({"Records": list(records)}).encode()


def test_a_record_without_a_content_type_is_handled() -> None:
    desk = Desk()
    answer = desk.post(notification(record()))
    assert (answer.status_code, answer.json()) == (200, {"scored": 1, "ignored": 0})
    assert desk.seen == [("ours", "a.png")]


def test_all_records_of_a_message_are_handled() -> None:
    desk = Desk()
    desk.post(notification(record("a"), record("b"), record("c", name="ObjectRemoved:Delete")))
    assert desk.seen == [("ours", "a"), ("ours", "b")]


def test_a_forged_event_reaches_no_other_bucket() -> None:
    desk = Desk()
    answer = desk.post(notification(record(bucket="payroll"), record(bucket="ours/../payroll")))
    assert (answer.status_code, answer.json()) == (200, {"ignored": 2})
    assert desk.seen == []


@pytest.mark.parametrize("batched", [False, True])
def test_structured_and_batched_events_are_read(batched: bool) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": json.loads(notification(record()))}
    kind = "application/cloudevents-batch+json" if batched else "application/cloudevents+json"
    desk = Desk()
    body = json.dumps([event, event | {"id": "2"}] if batched else event).encode()
    assert desk.post(body, {"content-type": kind}).status_code == 200
    assert len(desk.seen) == (2 if batched else 1)


@pytest.mark.parametrize(
    ("mark", "backfill", "notify"), [(None, False, True), ("silent", True, False), ("notify", True, True)]
)
def test_the_header_of_a_backfill_is_understood(mark: str | None, backfill: bool, notify: bool) -> None:
    desk = Desk()
    desk.post(notification(record()), KAFKA_SOURCE | ({"ce-kafkaheaderbackfill": mark} if mark else {}))
    assert (desk.deliveries[0].backfill, desk.deliveries[0].notify) == (backfill, notify)


@pytest.mark.parametrize(
    ("problem", "status", "away"),
    [
        (Unavailable("s3", "ConnectionError"), 503, "s3"),
        (Unavailable("database"), 503, "database"),
        (Unavailable("kafka"), 503, "kafka"),
        (Busy("another delivery"), 503, "busy"),
        (Unprocessable("truncated", "the file ends early"), 422, None),
    ],
)
def test_the_answer_says_whether_a_repeat_can_help(problem: PipelineError, status: int, away: str | None) -> None:
    answer = Desk(lambda _: problem).post(notification(record()))
    assert answer.status_code == status
    assert answer.headers.get("medpattern-unavailable") == away
    assert answer.json()["retryable"] is (status == 503)


def test_a_fault_of_ours_is_500_and_quotes_nothing() -> None:
    def fail(_: StoredObject) -> Ending:
        raise ZeroDivisionError("DOE^JANE")

    answer = Desk(fail).post(notification(record()))
    assert answer.status_code == 500
    assert "DOE" not in answer.text


def test_a_neighbour_that_may_yet_succeed_decides_for_a_repeat() -> None:
    endings = {"bad": Unprocessable("truncated"), "good": Unavailable("s3")}
    desk = Desk(lambda stored: endings[stored.key])
    assert desk.post(notification(record("bad"), record("good"))).status_code == 503


def test_good_records_beside_a_broken_one_are_handled_before_the_event_is_refused() -> None:
    desk = Desk()
    answer = desk.post(notification({"eventName": "ObjectCreated:Put"}, record("good")))
    assert (answer.status_code, answer.json()["reason"]) == (422, "unreadable-record")
    assert desk.seen == [("ours", "good")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[" * 50_000, "not-json"),
        (b"[]", "not-a-notification"),
        (b"{}", "not-a-notification"),
        (b'{"Records": 1}', "not-a-notification"),
        (b" " * 100_001, "too-large"),
    ],
)
def test_what_is_no_notification_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    answer = Desk().post(body)
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)


@pytest.mark.parametrize("missing", ["ce-specversion", "ce-id", "ce-source", "ce-type"])
def test_what_is_no_cloudevent_is_refused(missing: str) -> None:
    headers = {name: value for name, value in KAFKA_SOURCE.items() if name != missing}
    assert Desk().post(notification(record()), headers).json()["reason"] == "not-a-cloudevent"
