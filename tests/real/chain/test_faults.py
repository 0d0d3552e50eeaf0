"""Whatever breaks, every stored image has one outcome, and nothing acknowledged is lost.

500 images a fault, real Ceph, Apache Kafka and PostgreSQL; docs/faults.md has the table.
"""

from __future__ import annotations

import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.real.chain.conftest import StartChain
from tests.real.chain.harness import FILMS, Chain, Upload, film
from tests.real.servers.clock import Clock
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.names import unique_identifier
from tests.real.servers.postgres import Postgres
from tests.real.servers.tmpfs import fill

IMAGES = int(os.environ.get("MEDPATTERN_FAULT_IMAGES", "500"))


def finish(chain: Chain, upload: Upload, *, seconds: float = 240) -> None:
    """All images have results, and the contract holds."""
    chain.settle(upload, seconds)
    books = chain.verify(upload)
    assert (books.results, books.dead_letters, books.superseded) == (len(upload.acknowledged), 0, 0)


@pytest.mark.parametrize("stage", ["service", "source", "bridge", "notification", "dead-letters"])
def test_a_stage_is_killed(start_chain: StartChain, stage: str) -> None:
    chain = start_chain()
    pending = chain.upload(IMAGES)
    for share in (0.2, 0.5, 0.8):
        pending.at(int(share * IMAGES))
        chain.kill(stage)
    finish(chain, pending.done())


def test_the_leading_broker_is_killed(start_chain: StartChain, kafka_three: Kafka) -> None:
    chain = start_chain(kafka=kafka_three)
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    leader = kafka_three.leader(chain.place.topic("images"))
    kafka_three.kill9(leader)
    upload = pending.done()
    chain.settle(upload)
    kafka_three.restart(leader)
    finish(chain, upload)


def test_radosgw_is_killed(start_chain: StartChain) -> None:
    chain = start_chain()
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    chain.ceph.kill_rgw()
    time.sleep(2)
    chain.ceph.start_rgw()
    upload = pending.done()
    try:
        chain.settle(upload, 180)
    except AssertionError:
        # The runbook's cure for a persistent queue that hangs.
        chain.ceph.restart_rgw()
    finish(chain, upload, seconds=180)


def test_postgresql_is_killed(start_chain: StartChain) -> None:
    chain = start_chain()
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    chain.postgres.kill9()
    time.sleep(3)
    chain.postgres.restart()
    finish(chain, pending.done())


def test_the_broker_is_slow(start_chain: StartChain, kafka: Kafka) -> None:
    chain = start_chain()
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    kafka.suspend(1)
    time.sleep(10)
    kafka.resume(1)
    finish(chain, pending.done())


def test_deliveries_are_duplicated_and_reordered(start_chain: StartChain) -> None:
    chain = start_chain()
    upload = chain.upload(IMAGES).done()
    records = [_notification(version.key, version.version, chain.bucket) for version in upload.acknowledged]
    shuffled = records * 2
    random.Random(5).shuffle(shuffled)
    _produce(chain, shuffled)
    chain.settle(upload)
    deadline = time.monotonic() + 120
    while chain.accounts().duplicates < 2 * IMAGES and time.monotonic() < deadline:
        chain.look()
        time.sleep(0.3)
    finish(chain, upload)
    assert chain.accounts().duplicates >= 2 * IMAGES


def test_one_event_comes_a_hundred_times_at_once(start_chain: StartChain) -> None:
    chain = start_chain()
    upload = Upload()
    s3 = chain.ceph.s3()
    for number in range(5):
        upload.acknowledged.append(chain.put(s3, f"a/{number}", film(number)[0]))
    for version in upload.acknowledged:
        body = _notification(version.key, version.version, chain.bucket)
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _, sent=body: _post(chain, sent), range(100)))
        assert set(answers) <= {200, 503}
    finish(chain, upload)


def test_the_database_s_disk_is_full(start_chain: StartChain, disk: Callable[[int], Path], tmp_path: Path) -> None:
    folder = disk(96)
    server = Postgres(folder, log=tmp_path / "postgres.log")
    server.start()
    try:
        chain = start_chain(postgres=server, database=server.new_database(unique_identifier("db")))
        pending = chain.upload(IMAGES)
        pending.at(IMAGES // 3)
        full = fill(folder)
        time.sleep(8)
        full.unlink()
        if not server.server.alive:
            # A write-ahead log that finds no room ends the server; whoever runs it starts it again.
            server.start()
        finish(chain, pending.done())
    finally:
        server.stop()


def test_the_service_s_tmp_is_full(start_chain: StartChain, disk: Callable[[int], Path]) -> None:
    folder = disk(8)
    chain = start_chain(stage_environment={"service": {"TMPDIR": str(folder)}})
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    full = fill(folder)
    chain.kill("service")
    pending.at(2 * IMAGES // 3)
    full.unlink()
    finish(chain, pending.done())


def test_every_tenth_image_is_poison(start_chain: StartChain) -> None:
    chain = start_chain()
    upload = chain.upload(IMAGES, poison=lambda number: number % 10 == 3).done()
    chain.settle(upload)
    books = chain.verify(upload)
    assert (books.results, books.dead_letters) == (IMAGES - IMAGES // 10, IMAGES // 10)


def test_the_clocks_of_our_processes_are_set_back(start_chain: StartChain, tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    moved = dict.fromkeys(("service", "source"), clock.environment)
    chain = start_chain(stage_environment=moved)
    pending = chain.upload(IMAGES)
    pending.at(IMAGES // 3)
    # A minute: under libfaketime a wait with a timeout takes the moved clock for the true one and grows by the step,
    # which a step of a real clock does not do to it.
    clock.set_back(timedelta(minutes=1))
    # libfaketime answers waits by spinning, so this one takes several times as long as the others.
    finish(chain, pending.done(), seconds=600)
    assert chain.metric("service", "medpattern_clock_skew_total") > 0


def test_objects_are_overwritten_and_deleted_before_they_are_processed(start_chain: StartChain) -> None:
    chain = start_chain()
    chain.stages["source"].suspend(True)
    pending = chain.upload(IMAGES)
    upload = pending.done()
    s3 = chain.ceph.s3()
    for number, version in enumerate(list(upload.acknowledged)):
        if number % 5 == 0:
            upload.acknowledged.append(chain.put(s3, version.key, film((number + 1) % FILMS)[0] + b"\n"))
        if number % 5 == 1:
            s3.delete_object(Bucket=chain.bucket, Key=version.key)
    chain.stages["source"].suspend(False)
    chain.settle(upload)
    books = chain.verify(upload)
    assert books.superseded == 2 * IMAGES // 5
    assert books.results + books.dead_letters == len(upload.acknowledged) - books.superseded


def _notification(key: str, etag: str, bucket: str) -> bytes:
    place = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "eTag": etag, "versionId": ""}}
    record = {"eventSource": "ceph:s3", "eventName": "ObjectCreated:Put", "s3": place}
    return json.dumps({"Records": [record]}).encode()


def _produce(chain: Chain, records: list[bytes]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": chain.kafka.bootstrap, "acks": "all"})
    for value in records:
        producer.produce(chain.place.topic("images"), value)
    assert producer.flush(30) == 0


def _post(chain: Chain, body: bytes) -> int:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
    request = urllib.request.Request(chain.place.url("service"), body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
