"""Purging on Ceph, PostgreSQL and Kafka: the same tests as on their stand-ins, and what only the real ones show."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from medpattern.pipeline.database import purging as books
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.purging import Act, ImageName
from medpattern.pipeline.database.schema import DatabaseTime, leases, tombstones
from tests.pipeline.environment import stage_environment
from tests.pipeline.retention.hospital import KEPT, Hospital, made_in
from tests.pipeline.retention.test_purging import *  # noqa: F403
from tests.pipeline.retention.test_purging import purge_beside_a_service_at_work
from tests.pipeline.samples import KEYS, MODEL
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import read_all
from tests.real.servers.names import unique
from tests.real.servers.postgres import Database
from tests.real.servers.processes import Process, until


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = open_engine(database.conninfo)
    migrate(made)
    yield made
    made.dispose()


def made(ceph: Ceph, engine: Engine, *, versioned: bool = False) -> Hospital:
    account = (ceph.account.access_key, ceph.account.secret_key)
    return made_in(ceph.s3(), ceph.url, engine, versioned=versioned, account=account)


@pytest.fixture
def hospital(ceph: Ceph, engine: Engine) -> Hospital:
    return made(ceph, engine)


@pytest.fixture
def versioned_hospital(ceph: Ceph, engine: Engine) -> Hospital:
    return made(ceph, engine, versioned=True)


def test_service_at_work_leaves_nothing_of_many_images(hospital: Hospital) -> None:
    purge_beside_a_service_at_work(hospital, 200)


def test_lease_that_is_being_taken_is_seen(engine: Engine) -> None:
    """A worker that has looked for a tombstone, and has not committed its lease yet, must not slip through."""
    image = ImageName("i" * 64, "p" * 32)
    buried = threading.Event()

    def bury() -> None:
        books.bury(engine, [image], Act("tester", "", ""))
        buried.set()

    with engine.connect() as worker, worker.begin():
        assert worker.execute(select(tombstones.c.image_id)).all() == []
        purge = threading.Thread(target=bury)
        purge.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with open_engine(str(engine.url.render_as_string(hide_password=False))).connect() as other:
            until(lambda: other.exec_driver_sql(waiting).scalar(), "the purge to wait for the worker")
        assert not buried.is_set()
        row = {"result_id": MODEL, "image_id": image.image_id, "holder": "worker"}
        worker.execute(leases.insert().values(**row, until=DatabaseTime(60)))
    purge.join(30)
    assert buried.is_set()
    assert books.live_leases(engine, [image.image_id]) == 1


@pytest.fixture
def letters(kafka: Kafka) -> str:
    return kafka.create_topic(unique("letters"), settings={"cleanup.policy": "compact"})


def purging(folder: Path, ceph: Ceph, database: Database, hospital: Hospital, more: dict[str, str]) -> Process:
    """A purge of everything, as a process of its own."""
    settings = hospital.store.settings
    environment = stage_environment(
        folder,
        s3=ceph.url,
        bucket=hospital.source,
        database_url=database.conninfo,
        account=(ceph.account.access_key, ceph.account.secret_key),
        PROCESSED_BUCKET=settings.processed,
        ANONYMISED_BUCKET=settings.anonymised,
        **more,
    )
    command = [sys.executable, "-m", "medpattern", "purge", "--older-than", "0s", "--yes", "--output", "json"]
    return Process("purge", command, folder / "purge.log", environment=environment)


def test_purge_that_is_killed_again_and_again_comes_to_its_end(
    tmp_path: Path, ceph: Ceph, database: Database, kafka: Kafka, letters: str, hospital: Hospital
) -> None:
    images = [hospital.put(f"{number}") for number in range(120)]
    for stored in images:
        hospital.score(stored)
    for stored in images[::10]:
        hospital.give_up(stored)
    topic = {"KAFKA_BOOTSTRAP": kafka.bootstrap, "DEAD_LETTERS_TOPIC": letters}
    process = purging(tmp_path, ceph, database, hospital, topic)
    left = count(hospital)
    for share in (0.7, 0.4):
        bound = int(left * share)
        process.start()
        until(lambda bound=bound: count(hospital) <= bound or not process.alive, "objects to go", every=0.005)
        process.kill()
    process.start()
    assert process.wait(120) == 0, process.tail()
    assert count(hospital) == 0
    assert set(hospital.rows()) == KEPT
    assert hospital.buried() == {KEYS.image_pseudonym(stored.image) for stored in images}
    forgotten = [(record.key or b"").decode() for record in read_all(kafka.client(), letters)]
    assert set(forgotten) == {KEYS.image_id(stored.image) for stored in images[::10]}
    assert all(record.value is None for record in read_all(kafka.client(), letters))


def count(hospital: Hospital) -> int:
    return sum(map(len, hospital.objects().values()))


def test_numbers_of_a_purge_are_printed(tmp_path: Path, ceph: Ceph, database: Database, hospital: Hospital) -> None:
    hospital.score(hospital.put("a"))
    process = purging(tmp_path, ceph, database, hospital, {})
    process.start()
    assert process.wait(60) == 0, process.tail()
    found: dict[str, Any] = json.loads(process.text()[process.text().index("{\n") :])
    assert {name: number for name, number in found.items() if number} == {
        "images": 1, "sourceVersions": 1, "processedImages": 1, "anonymisedImages": 1, "results": 1,
    }  # fmt: skip
