"""`medpattern bridge` between a real RGW and Apache Kafka."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from medpattern.pipeline.events.notifications import parse_notification
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.access import Identity, allow, new_user
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import Record, read_all
from tests.real.servers.names import unique
from tests.real.servers.ports import free_port, listening
from tests.real.servers.processes import Process, until
from tests.real.stage import plain, stage, with_password

ODD = 'ward A/naïve röntgen + 100% ü✓ "q".png'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[Process, str]]]:
    """Starts bridges, which end with the test; gives the process and its address."""
    with ExitStack() as running:

        def begin(topic: str, environment: Mapping[str, str]) -> tuple[Process, str]:
            port = free_port()
            folder = tmp_path / unique("bridge")
            process = stage(folder, "bridge", "--topic", topic, "--port", str(port), environment=environment)
            running.callback(process.stop)
            process.start()
            until(lambda: not process.alive or listening(port), "the bridge")
            return process, f"http://127.0.0.1:{port}/{topic}"

        yield begin


def keys_of(records: list[Record]) -> list[str]:
    return [item.key for record in records for item in parse_notification(record.value or b"").stored]


def test_what_is_put_into_ceph_is_in_kafka_without_what_is_nobodys_business(
    ceph: Ceph, bucket: str, kafka: Kafka, topic: str, start: Callable[..., tuple[Process, str]]
) -> None:
    process, url = start(topic, plain(kafka))
    ceph.subscribe(bucket, url, persistent=False)
    customer = secrets.token_bytes(32)
    s3 = ceph.s3()
    s3.put_object(Bucket=bucket, Key="a.png", Body=b"1", Metadata={"view": "PA"})
    s3.put_object(Bucket=bucket, Key=ODD, Body=b"2")
    s3.put_object(Bucket=bucket, Key="c.png", Body=b"3", SSECustomerAlgorithm="AES256", SSECustomerKey=customer)
    records = read_all(kafka.client(), topic)
    assert sorted(keys_of(records)) == sorted(["a.png", ODD, "c.png"])
    for record in records:
        found = json.loads(record.value or b"")["Records"][0]["s3"]["object"]
        assert [entry["key"] for entry in found["metadata"]] == (["x-amz-meta-view"] if found["key"] == "a.png" else [])
    everything = repr(records) + process.text()
    assert base64.b64encode(customer).decode() not in everything
    # Of the bridge's own making: the record's key, and the log.
    assert ODD not in process.text() + repr([record.key for record in records])
    assert len({record.key for record in records}) == 3


def test_while_kafka_is_away_ceph_keeps_events_and_repeats_them(
    ceph: Ceph, bucket: str, kafka: Kafka, topic: str, start: Callable[..., tuple[Process, str]]
) -> None:
    process, url = start(topic, plain(kafka) | {"MEDPATTERN_BRIDGE_SECONDS": "2"})
    ceph.subscribe(bucket, url, persistent=True)
    s3 = ceph.s3()
    s3.put_object(Bucket=bucket, Key="0.png", Body=b"0")
    until(lambda: keys_of(read_all(kafka.client(), topic)) == ["0.png"], "the first event", seconds=120)
    kafka.broker(1).suspend()
    for number in range(1, 20):
        s3.put_object(Bucket=bucket, Key=f"{number}.png", Body=b"x")
    until(lambda: _metric(url, "medpattern_bridge_unavailable_total") > 0, "a 503")
    kafka.broker(1).resume()
    wanted = {f"{number}.png" for number in range(20)}
    until(lambda: {*keys_of(read_all(kafka.client(), topic))} == wanted, "20 events", seconds=120, every=0.5)
    assert process.alive


def test_a_killed_bridge_makes_ceph_wait_and_not_fail(
    ceph: Ceph, bucket: str, kafka: Kafka, topic: str, start: Callable[..., tuple[Process, str]]
) -> None:
    process, url = start(topic, plain(kafka))
    ceph.subscribe(bucket, url, persistent=False)
    s3 = ceph.s3()
    for number in range(5):
        # Not persistent: RGW posts within the PUT, once; were the connection refused, the event would be lost.
        s3.put_object(Bucket=bucket, Key=f"{number}.png", Body=b"x")
        (child,) = until(process.children, "the process that answers")
        os.kill(child, 9)
    s3.put_object(Bucket=bucket, Key="last.png", Body=b"x")
    wanted = {f"{number}.png" for number in range(5)} | {"last.png"}
    assert {*keys_of(read_all(kafka.client(), topic))} == wanted


def _metric(url: str, name: str) -> float:
    host = url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.fixture
def writer(kafka_secure: Kafka) -> tuple[Identity, str]:
    """A SCRAM user and a topic that it may write to."""
    topic = kafka_secure.create_topic(unique("topic"))
    identity = new_user(kafka_secure, unique("writer"))
    allow(kafka_secure, identity, operations="write describe", topic=topic)
    return identity, topic


def _post(url: str, body: Any) -> http.client.HTTPResponse:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST", f"/{path}", json.dumps(body))
    answer = connection.getresponse()
    answer.read()
    return answer


def test_a_user_with_its_password_writes_over_tls(
    kafka_secure: Kafka, writer: tuple[Identity, str], tmp_path: Path, start: Callable[..., tuple[Process, str]]
) -> None:
    identity, topic = writer
    process, url = start(topic, with_password(tmp_path, kafka_secure, identity))
    assert _post(url, {"Records": []}).status == 200
    assert [record.value for record in read_all(kafka_secure.client(), topic)] == [b'{"Records": []}']
    assert identity.password not in process.text()


def test_a_wrong_password_ends_it_with_the_reason(
    kafka_secure: Kafka, writer: tuple[Identity, str], tmp_path: Path, start: Callable[..., tuple[Process, str]]
) -> None:
    identity, topic = writer
    process, _url = start(topic, with_password(tmp_path, kafka_secure, identity, "wrong-password"))
    assert process.wait(60) == 3, process.tail()
    assert "error: kafka is unavailable: the broker refused the user name or password" in process.text()
    assert "wrong-password" not in process.text()


def test_a_topic_that_is_not_allowed_is_503_and_never_200(
    kafka_secure: Kafka, writer: tuple[Identity, str], tmp_path: Path, start: Callable[..., tuple[Process, str]]
) -> None:
    identity, _ = writer
    other = kafka_secure.create_topic(unique("topic"))
    process, url = start(other, with_password(tmp_path, kafka_secure, identity))
    answer = _post(url, {"Records": []})
    assert (answer.status, answer.getheader("medpattern-unavailable")) == (503, "kafka")
    assert "TOPIC_AUTHORIZATION_FAILED" in process.text()
    assert process.alive
    assert read_all(kafka_secure.client(), other) == []
