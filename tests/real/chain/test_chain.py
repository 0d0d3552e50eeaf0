"""All parts at once: Ceph, Apache Kafka, PostgreSQL, mail, Prometheus, a DICOM sender, the page in Chromium.

And afterwards the question that a hospital asks first: does anything that leaves the source bucket name a patient?
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from medpattern.pipeline.database.schema import metadata, results
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.local import stages
from medpattern.pipeline.local.processes import Stage, StageSpec, wait_ready
from medpattern.pipeline.simulation.machine import MachineSettings, SimulatedImage, phantom_image
from tests.real.chain.conftest import StartChain
from tests.real.chain.harness import Chain, Upload
from tests.real.conftest import StartPrometheus
from tests.real.servers.ports import free_port
from tests.real.servers.smtp import MailServer

IMAGES = 1000
POISON = 20
OVER_DICOM = 30


def named_film(number: int) -> SimulatedImage:
    """A film whose key, metadata, header and pixels name its (synthetic) patient."""
    settings = MachineSettings(
        seed=23, height=224, width=224, deep=0, burned_in=0.5, bucket="any", names_in_keys=True, pneumonia=0.5
    )
    return phantom_image(settings, number)


@pytest.fixture
def chain(start_chain: StartChain, mail_server: MailServer) -> Chain:
    mail = {
        "MEDPATTERN_SMTP_HOST": mail_server.host,
        "MEDPATTERN_SMTP_PORT": str(mail_server.port),
        "MEDPATTERN_SMTP_SECURITY": "none",
        "MEDPATTERN_SMTP_FROM": "medpattern@hospital.example",
        "MEDPATTERN_SMTP_TO": "ward@hospital.example",
        "MEDPATTERN_RESULTS_URL": "https://results.hospital.example",
    }
    return start_chain(stage_environment={"notification": mail})


def test_a_thousand_images_through_all_parts_and_no_name_leaves(
    chain: Chain, mail_server: MailServer, start_prometheus: StartPrometheus, page: Page
) -> None:
    prometheus = start_prometheus(
        {name: [f"127.0.0.1:{chain.place.ports[name]}"] for name in ("service", "source", "notification", "bridge")},
        [{"name": "m", "rules": [{"record": "results:sum", "expr": "sum(medpattern_results_total)"}]}],
    )
    films = [named_film(number) for number in range(40)]
    upload = _store(chain, films)
    upload.acknowledged += _send_over_dicom(chain)
    customer_key = os.urandom(32)
    upload.acknowledged.append(_store_sealed(chain, films[0], customer_key))
    chain.settle(upload, 400)
    books = chain.verify(upload)
    assert (books.results, books.dead_letters, books.superseded) == (IMAGES + OVER_DICOM, POISON + 1, 0)

    with chain.engine.begin() as connection:
        sick = connection.scalar(select(func.count()).where(results.c.outcome == "pneumonia"))
    assert len({mail.message["Message-ID"] for mail in mail_server.mails}) == len(mail_server.mails) == sick
    assert _value(prometheus, "results:sum", books.results) == books.results

    shown = _page_shows(chain, page, books.results)
    names = _identities(films) | {base64.b64encode(customer_key), customer_key}
    for place, content in [*_everything_that_left(chain), ("mails", _mails(mail_server)), ("page", shown)]:
        for name in names:
            assert name not in content, f"{place} names a patient"


def _store(chain: Chain, films: list[SimulatedImage]) -> Upload:
    upload = Upload()
    s3 = chain.ceph.s3()
    for number in range(IMAGES + POISON):
        film = films[number % len(films)]
        key, data = f"{film.key.rsplit('.', 1)[0]}-{number}", film.data
        if number < POISON:
            data = f"no image of {film.patient.name if film.patient else ''}".encode()
        answer = s3.put_object(
            Bucket=chain.bucket, Key=key, Body=data, ContentType=film.content_type, Metadata=dict(film.metadata)
        )
        upload.acknowledged.append(ObjectVersion(chain.bucket, key, answer["ETag"].strip('"')))
        if number % 50 == 0:
            chain.look()
    return upload


def _store_sealed(chain: Chain, film: SimulatedImage, customer_key: bytes) -> ObjectVersion:
    """A film that only its owner's key opens (SSE-C). RGW's notification holds that key in clear."""
    key = f"{film.key}-sealed"
    answer = chain.ceph.s3().put_object(
        Bucket=chain.bucket, Key=key, Body=film.data, SSECustomerAlgorithm="AES256", SSECustomerKey=customer_key
    )
    return ObjectVersion(chain.bucket, key, answer["ETag"].strip('"'))


def _send_over_dicom(chain: Chain) -> list[ObjectVersion]:
    """Films by C-STORE into `medpattern receive`, which stores them in the bucket."""
    from io import BytesIO

    from pydicom import dcmread
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    port, http = free_port(), free_port()
    environment = dict(chain.stages["service"].spec.environment) | {"MEDPATTERN_DICOM_CALLING": "XRAY1"}
    token = chain.place.folder / "keys" / "webhook"
    environment |= {"MEDPATTERN_RECEIVE_TOKEN_FILE": str(token)}
    spec = StageSpec(
        "receive",
        ["medpattern", "receive", "--port", str(http), "--dicom-port", str(port), "--ae-title", "MEDPATTERN"],
        environment,
        f"http://127.0.0.1:{http}/v2/health/ready",
    )
    receive = Stage(spec, chain.place.folder / "logs")
    receive.start()
    wait_ready([receive])
    settings = MachineSettings(
        seed=77, formats={"dicom": 1.0}, height=192, width=192, deep=0, burned_in=0, bucket="any"
    )
    before = {item["Key"] for item in _listed(chain, chain.bucket)}
    try:
        sets = [dcmread(BytesIO(phantom_image(settings, number).data)) for number in range(OVER_DICOM)]
        sender = AE(ae_title="XRAY1")
        sender.add_requested_context(Verification)
        for one in sets:
            sender.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
        association = sender.associate("127.0.0.1", port, ae_title="MEDPATTERN")
        assert association.is_established
        assert {association.send_c_store(one).Status for one in sets} == {0x0000}
        association.release()
    finally:
        receive.end()
    new = [item for item in _listed(chain, chain.bucket) if item["Key"] not in before]
    assert len(new) == OVER_DICOM
    return [ObjectVersion(chain.bucket, item["Key"], item["ETag"].strip('"')) for item in new]


def _value(prometheus: Any, expression: str, wanted: float) -> float | None:
    deadline = time.monotonic() + 30
    while prometheus.value(expression) != wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    found: float | None = prometheus.value(expression)
    return found


def _page_shows(chain: Chain, page: Page, count: int) -> bytes:
    state = chain.place.folder / "state.json"
    told = {"phase": "done", "stored": count, "expected": None, "embedded": [], "stages": [], "summary": None}
    state.write_text(json.dumps(told), encoding="utf-8")
    port = free_port()
    spec = stages.page(chain.place, port)
    environment = dict(spec.environment) | {
        name: value
        for name, value in chain.stages["service"].spec.environment.items()
        if name.startswith(("AWS_", "MEDPATTERN_S3", "MEDPATTERN_SOURCE"))
    }
    stage = Stage(StageSpec("page", spec.arguments, environment, spec.health), chain.place.folder / "logs")
    stage.start()
    try:
        wait_ready([stage])
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("main")).to_contain_text(re.compile(r"\D?".join(str(count))), timeout=30_000)
        return page.content().encode()
    finally:
        stage.end()


def _identities(films: list[SimulatedImage]) -> set[bytes]:
    found: set[bytes] = set()
    for film in films:
        assert film.patient is not None
        found |= {film.patient.name.encode(), film.patient.patient_id.encode(), film.key.rsplit(".", 1)[0].encode()}
        found |= {base64.b64encode(film.patient.name.encode()), film.patient.accession.encode()}
    return found


def _everything_that_left(chain: Chain) -> Iterator[tuple[str, bytes]]:
    for what in ("processed", "anonymised"):
        bucket = chain.place.bucket(what)
        s3 = chain.ceph.s3()
        for item in _listed(chain, bucket):
            found = s3.get_object(Bucket=bucket, Key=item["Key"])
            head = f"{item['Key']} {found['Metadata']} {found['ResponseMetadata']['HTTPHeaders']}"
            yield f"bucket {bucket}", head.encode() + found["Body"].read()
    for what in ("results", "dead-letters"):
        yield f"topic {what}", _records(chain, chain.place.topic(what))
    with chain.engine.begin() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(select(table)).all()
            yield f"table {table.name}", "\n".join(map(str, rows)).encode()
    for log in chain.logs():
        yield f"log {log.name}", log.read_bytes()
    for stage in ("service", "source", "bridge", "notification", "dead-letters"):
        with urllib.request.urlopen(chain.place.url(stage, "/metrics")) as answer:
            yield f"metrics of {stage}", answer.read()


def _listed(chain: Chain, bucket: str) -> list[dict[str, Any]]:
    pages = chain.ceph.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item for page in pages for item in page.get("Contents", [])]


def _records(chain: Chain, topic: str) -> bytes:
    from confluent_kafka import Consumer, TopicPartition

    ends = chain.kafka.end_offsets(topic)
    reader = Consumer({"bootstrap.servers": chain.kafka.bootstrap, "group.id": f"{topic}-grep"})
    reader.assign([TopicPartition(topic, partition, 0) for partition in ends])
    found = []
    for _ in range(sum(ends.values())):
        message = reader.poll(10)
        assert message is not None
        found.append(b"%r %r %r" % (message.key(), message.headers(), message.value()))
    reader.close()
    return b"\n".join(found)


def _mails(server: MailServer) -> bytes:
    return b"\n".join(mail.message.as_bytes() for mail in server.mails)
