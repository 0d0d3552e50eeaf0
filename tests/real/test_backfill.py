"""Backfill on Ceph, PostgreSQL and Kafka."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from medpattern.pipeline.backfill.message import notification
from medpattern.pipeline.backfill.missing import batches, missing
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.events.notifications import StoredObject, parse_notification
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from tests.pipeline.backfill.test_missing import score
from tests.pipeline.environment import stage_environment
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import Record, read_all
from tests.real.servers.listener import Listener
from tests.real.servers.names import unique
from tests.real.servers.postgres import Database
from tests.real.servers.processes import Process, until


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = open_engine(database.conninfo)
    migrate(made)
    yield made
    made.dispose()


def store_of(ceph: Ceph, bucket: str) -> ObjectStore:
    account = ceph.account
    return ObjectStore(StoreSettings(ceph.url, "us-east-1", (bucket,), "", "", account.access_key, account.secret_key))


def listed(ceph: Ceph, bucket: str) -> list[StoredObject]:
    return [item.object for item in store_of(ceph, bucket).versions(bucket)]


@pytest.mark.parametrize("versioned", [False, True], ids=["plain", "versioned"])
def test_images_that_ceph_told_of_are_not_published_again(
    ceph: Ceph, bucket: str, listener: Listener, engine: Engine, versioned: bool
) -> None:
    """Otherwise a backfill would score every image a second time."""
    s3 = ceph.s3()
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ceph.subscribe(bucket, f"{listener.url}/events", persistent=False)
    for key in ("plain.png", 'ward A/naïve röntgen + 100% ü✓ "q".png', "twice.png", "twice.png"):
        s3.put_object(Bucket=bucket, Key=key, Body=f"{len(listener.requests)}".encode())
    s3.copy_object(Bucket=bucket, Key="copy.png", CopySource={"Bucket": bucket, "Key": "plain.png"})
    upload_in_parts(s3, bucket, "parts.dcm")
    told = [stored for request in listener.requests for stored in parse_notification(request.body).stored]
    assert len(told) == 6
    for stored in told:
        score(engine, stored)
    assert len(listed(ceph, bucket)) == (6 if versioned else 5)
    assert missing(store_of(ceph, bucket), engine, KEYS, bucket, timedelta(0)).count == 0
    # For another model each object is published under the very name that its own notification gave it.
    republished = {
        KEYS.image_id(stored.image)
        for batch in batches(store_of(ceph, bucket), engine, KEYS, bucket, model_sha256=OTHER_MODEL)
        for listing in batch.objects
        for stored in parse_notification(notification(listing)).stored
    }
    assert republished <= {KEYS.image_id(stored.image) for stored in told}
    assert len(republished) == len(listed(ceph, bucket))


def upload_in_parts(s3: Any, bucket: str, key: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    which = {"Bucket": bucket, "Key": key, "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**which, PartNumber=number, Body=bytes(5 << 20))["ETag"]}
        for number in (1, 2)
    ]
    s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path, ceph: Ceph, bucket: str, database: Database, kafka: Kafka, engine: Engine) -> Iterator[Start]:
    """Starts `medpattern backfill`; the topic is made here."""
    topic = kafka.create_topic(unique("backfill"), partitions=3)
    environment = stage_environment(
        tmp_path,
        s3=ceph.url,
        bucket=bucket,
        database_url=database.conninfo,
        bootstrap=kafka.bootstrap,
        account=(ceph.account.access_key, ceph.account.secret_key),
        BACKFILL_TOPIC=topic,
        INPUT_TOPIC=topic,
        MODEL_SHA256=MODEL,
    )
    started: list[Process] = []

    def begin(*arguments: str) -> Process:
        command = [sys.executable, "-m", "medpattern", "backfill", *arguments, "--output", "json"]
        process = Process("backfill", command, tmp_path / f"backfill-{len(started)}.log", environment=environment)
        started.append(process)
        return process.start()

    yield begin
    for process in started:
        process.discard()


def topic_of(process: Process) -> str:
    return process.environment["MEDPATTERN_BACKFILL_TOPIC"]


def records_of(kafka: Kafka, process: Process) -> list[Record]:
    return read_all(kafka.client(), topic_of(process))


def keys_of(records: list[Record]) -> list[str]:
    return [stored.key for record in records for stored in parse_notification(record.value or b"").stored]


def fill(ceph: Ceph, bucket: str, count: int) -> list[StoredObject]:
    s3 = ceph.s3()
    for number in range(count):
        s3.put_object(Bucket=bucket, Key=f"2025/{number:04}.png", Body=f"{number}".encode())
    return listed(ceph, bucket)


def test_run_that_was_killed_is_finished_by_the_next_and_nothing_is_left_out(
    ceph: Ceph, bucket: str, kafka: Kafka, engine: Engine, start: Start
) -> None:
    images = fill(ceph, bucket, 300)
    for stored in images[::3]:
        score(engine, stored)
    wanted = {stored.key for stored in images} - {stored.key for stored in images[::3]}
    first = start(f"{bucket}/2025/", "--rate", "40", "--backlog", "0")
    until(lambda: len(records_of(kafka, first)) >= 40, "the first records")
    first.kill()
    before = keys_of(records_of(kafka, first))
    assert len(before) < len(wanted)
    for stored in images:
        if stored.key in before:
            score(engine, stored)
    second = start(f"{bucket}/2025/")
    assert second.wait(60) == 0, second.tail()
    after = keys_of(records_of(kafka, second))
    assert set(after) == wanted
    # The process died between batches or within one, never after a record that nobody counted.
    assert len(after) == len(wanted)
    assert {record.headers["backfill"] for record in records_of(kafka, second)} == {b"silent"}


def test_backlog_is_kept_to_while_a_group_reads(
    ceph: Ceph, bucket: str, kafka: Kafka, engine: Engine, start: Start
) -> None:
    from confluent_kafka import Consumer

    fill(ceph, bucket, 200)
    group = unique("group")
    process = start(bucket, "--group", group, "--backlog", "50")
    until(lambda: sum(kafka.end_offsets(topic_of(process)).values()) == 50, "the backlog to be full")
    consumer = Consumer(
        {**kafka.client(), "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe([topic_of(process)])
    read = 0
    try:
        while read < 200:
            messages = consumer.consume(20, 30)
            assert messages, process.tail()
            assert all(message.error() is None for message in messages)
            # Whatever was published by now, no more than the backlog was ahead of what is committed.
            assert sum(kafka.end_offsets(topic_of(process)).values()) <= read + 50
            read += len(messages)
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    assert process.wait(30) == 0, process.tail()


def test_lost_notification_is_found_and_published_to_the_input_topic(
    ceph: Ceph, bucket: str, kafka: Kafka, engine: Engine, start: Start, tmp_path: Path
) -> None:
    images = fill(ceph, bucket, 20)
    for stored in images[1:]:
        score(engine, stored)
    file = tmp_path / "medpattern.prom"
    process = start("--missing", "--older-than", "0s", "--notify", "--metrics-file", str(file))
    assert process.wait(60) == 0, process.tail()
    records = records_of(kafka, process)
    assert keys_of(records) == [images[0].key]
    assert [record.headers["backfill"] for record in records] == [b"notify"]
    assert f'medpattern_images_without_outcome{{bucket="{bucket}"}} 1.0' in file.read_text("utf-8")
    text = process.text()
    assert json.loads(text[text.index("{\n") :])["published"] == 1
