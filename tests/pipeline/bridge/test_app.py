from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from medpattern.errors import UsageError
from medpattern.pipeline.bridge.app import Bridge, admits
from medpattern.pipeline.bridge.settings import BridgeSettings, read_confirmers, read_paths
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.bridge.http_server import answering
from tests.pipeline.events.recorded import recorded

(PUT,) = recorded("rgw")["put"]
SETTINGS = BridgeSettings(KafkaSettings("unused"), read_paths("images", ()))


@dataclass
class Kafka:
    """Acknowledges, or says what is `away`; with `silent` neither, until `answer` is called."""

    away: str = ""
    silent: bool = False
    sent: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    waiting: list[Callable[[Unavailable | None], None]] = field(default_factory=list)

    def begin(
        self, topic: str, value: bytes, done: Callable[[Unavailable | None], None], *, key: str | None = None
    ) -> None:
        self.sent.append((topic, value, key))
        if self.silent:
            self.waiting.append(done)
        else:
            threading.Thread(target=done, args=(Unavailable("kafka", self.away) if self.away else None,)).start()


def client(kafka: Kafka, **changes: Any) -> TestClient:
    return TestClient(Bridge(replace(SETTINGS, **changes), kafka))


@pytest.mark.parametrize("path", ["/", "/images"])
def test_a_notification_goes_to_the_topic_of_its_path(path: str) -> None:
    kafka = Kafka()
    with client(kafka) as bridge:
        # No content type: whoever posts may leave it out.
        answer = bridge.post(path, content=PUT)
    assert answer.status_code == 200
    # Of a kept connection the next request would be lost with the process.
    assert answer.headers["connection"] == "close"
    ((topic, value, key),) = kafka.sent
    assert (topic, value) == ("images", PUT)
    assert key is not None
    assert "patient" not in key


def test_paths_may_be_declared() -> None:
    kafka = Kafka()
    with client(kafka, paths=read_paths("images", ["/a=one", "/b=two"])) as bridge:
        assert [bridge.post(path, content=PUT).status_code for path in ("/a", "/b", "/", "/images", "/a/")] == [
            200, 200, 404, 404, 404]  # fmt: skip
    assert [topic for topic, _, _ in kafka.sent] == ["one", "two"]


def test_kafka_that_does_not_acknowledge_is_503_and_says_so() -> None:
    with client(Kafka(away="_MSG_TIMED_OUT")) as bridge:
        answer = bridge.post("/", content=PUT)
    assert answer.status_code == 503
    assert answer.headers["medpattern-unavailable"] == "kafka"
    assert answer.json()["retryable"] is True


def test_nothing_is_answered_before_kafka_has_acknowledged_and_requests_wait_side_by_side() -> None:
    kafka = Kafka(silent=True)
    with client(kafka) as bridge, ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(bridge.post, "/", content=PUT) for _ in range(3)]
        while len(kafka.waiting) < 3:
            assert not any(answer.done() for answer in answers)
        kafka.waiting[1](None)
        kafka.waiting[0](Unavailable("kafka"))
        kafka.waiting[2](None)
        assert sorted(answer.result(30).status_code for answer in answers) == [200, 200, 503]


def test_what_waits_for_kafka_is_bounded() -> None:
    kafka = Kafka(silent=True)
    with client(kafka, most_waiting=len(PUT)) as bridge, ThreadPoolExecutor(1) as pool:
        first = pool.submit(bridge.post, "/", content=PUT)
        while not kafka.waiting:
            assert not first.done()
        assert bridge.post("/", content=PUT).status_code == 503
        kafka.waiting[0](None)
        assert first.result(30).status_code == 200
    assert len(kafka.sent) == 1


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"Records": "x"', b"\xff\xfe"])
def test_what_is_no_message_is_refused_for_good(body: bytes) -> None:
    kafka = Kafka()
    with client(kafka) as bridge:
        answer = bridge.post("/", content=body)
    assert answer.status_code == 422
    assert answer.json()["retryable"] is False
    assert kafka.sent == []


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_beyond_the_limit_is_refused(declared: bool) -> None:
    body = json.dumps({"Records": [], "x": "y" * 2000}).encode()
    kafka = Kafka()
    with client(kafka, most_bytes=1500) as bridge:
        answer = bridge.post("/", content=body if declared else iter([body[:1000], body[1000:]]))
    assert (answer.status_code, answer.json()["reason"]) == (422, "too-large")
    assert kafka.sent == []


def test_an_envelope_is_unwrapped_and_a_test_event_is_taken() -> None:
    kafka = Kafka()
    envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": PUT.decode()}
    with client(kafka) as bridge:
        assert bridge.post("/images", json=envelope).status_code == 200
        assert bridge.post("/images", json=envelope | {"Message": '{"Event":"s3:TestEvent"}'}).status_code == 200
    assert [value for _, value, _ in kafka.sent] == [PUT]


def test_a_subscription_is_confirmed_at_declared_hosts_only() -> None:
    with answering(200) as server:
        url = f"http://{server.address}/?Action=ConfirmSubscription&Token=t"
        body = {"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Message": "m", "SubscribeURL": url}
        headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}
        with client(Kafka(), confirmers=read_confirmers([server.address])) as bridge:
            assert bridge.post("/", json=body, headers=headers).status_code == 200
        assert len(server.paths) == 1
        with client(Kafka()) as bridge:
            assert bridge.post("/", json=body, headers=headers).status_code == 422
        assert len(server.paths) == 1


def test_health_and_metrics_answer_whatever_kafka_does() -> None:
    with client(Kafka(away="_TRANSPORT")) as bridge:
        before = _count(bridge.get("/metrics").text, "medpattern_bridge_unavailable_total")
        bridge.post("/", content=PUT)
        # Not ready would take it out of its Service, and Ceph would be refused instead of told to wait.
        assert bridge.get("/v2/health/ready").status_code == 200
        assert bridge.get("/v2/health/live").status_code == 200
        assert _count(bridge.get("/metrics").text, "medpattern_bridge_unavailable_total") == before + 1
        assert bridge.get("/images").status_code in (404, 405)
        assert bridge.put("/", content=PUT).status_code in (404, 405)


def _count(text: str, name: str) -> float:
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def basic(password: str, user: str = "rgw") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_token_is_taken_as_bearer_and_as_password() -> None:
    kafka = Kafka()
    with client(kafka, token="s3cret") as bridge:
        for given in ("Bearer s3cret", "bearer s3cret", basic("s3cret"), basic("s3cret", "")):
            assert bridge.post("/", content=PUT, headers={"authorization": given}).status_code == 200
        taken = len(kafka.sent)
        refused = bridge.post("/", content=PUT)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        for given in ("", "Bearer", "Bearer s3cre", "Bearer s3cret2", basic("x"), "Basic ?", "Digest s3cret", "s3cret"):
            assert bridge.post("/", content=PUT, headers={"authorization": given}).status_code == 401
        assert len(kafka.sent) == taken
        assert bridge.get("/v2/health/live").status_code == 200


@given(st.text())
def test_no_text_but_the_token_is_admitted(given_text: str) -> None:
    assert not admits(given_text, "the token, which nobody guesses")


@pytest.mark.parametrize("given", [["images"], ["/a"], ["/a="], ["a=b"], ["/a=x", "/a=y"]])
def test_a_path_that_is_none_is_wrong_use(given: list[str]) -> None:
    with pytest.raises(UsageError, match="--path"):
        read_paths("images", given)


@pytest.mark.parametrize("given", ["host", "host:", ":80", "host:port"])
def test_a_host_without_a_port_is_wrong_use(given: str) -> None:
    with pytest.raises(UsageError, match="--sns-host"):
        read_confirmers([given])
