"""`medpattern receive` as a process, with Ceph behind it and DICOM senders before it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pydicom
import pytest
from pynetdicom import AE

from medpattern.pipeline.events.notifications import parse_notification
from medpattern.pipeline.receive.instances import Instance, Reason
from tests.pipeline.environment import stage_environment
from tests.pipeline.receive.conftest import DX, EXPLICIT, dicom_file, sop_instance
from tests.pipeline.receive.test_multipart import body
from tests.pipeline.receive.test_web import TOKEN, TYPE
from tests.real.servers.ceph import Ceph
from tests.real.servers.listener import Listener
from tests.real.servers.ports import free_ports
from tests.real.servers.processes import Process


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running receiver and where it listens."""

    process: Process
    url: str
    dicom_port: int

    def post(self, *files: bytes, token: str = TOKEN) -> httpx.Response:
        headers = {"content-type": TYPE, "authorization": f"Bearer {token}"}
        return httpx.post(f"{self.url}/studies", content=body(*files), headers=headers, timeout=60)

    def c_store(self, *files: bytes) -> list[int]:
        """The statuses, one an instance."""
        entity = AE(ae_title="DETECTOR-3")
        entity.add_requested_context(DX, [EXPLICIT])
        association = entity.associate("127.0.0.1", self.dicom_port, ae_title="PNEUMONIA")
        assert association.is_established
        try:
            return [int(association.send_c_store(pydicom.dcmread(io.BytesIO(file))).Status) for file in files]
        finally:
            association.release()


@pytest.fixture
def receiver(ceph: Ceph, bucket: str, tmp_path: Path) -> Iterator[Receiver]:
    port, dicom_port = free_ports(2)
    (tmp_path / "token").write_text(TOKEN, "utf-8")
    environment = stage_environment(
        tmp_path,
        s3=ceph.url,
        bucket=bucket,
        account=(ceph.account.access_key, ceph.account.secret_key),
        RECEIVE_TOKEN_FILE=str(tmp_path / "token"),
        DICOM_CALLING="DETECTOR-3",
    )
    command = [sys.executable, "-m", "medpattern", "receive", "--port", str(port)]
    command += ["--dicom-port", str(dicom_port), "--ae-title", "PNEUMONIA"]
    process = Process("receive", command, tmp_path / "receive.log", environment=environment).start()
    url = f"http://127.0.0.1:{port}"
    process.wait_ready(lambda: is_ready(url))
    yield Receiver(process, url, dicom_port)
    process.stop()
    assert process.exit_code == 0, process.tail()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def keys_in(s3: Any, bucket: str) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())}


def key(number: int) -> str:
    return Instance(DX, sop_instance(number)).key


def test_both_protocols_store_and_ceph_tells_of_it(
    receiver: Receiver, ceph: Ceph, bucket: str, listener: Listener
) -> None:
    ceph.subscribe(bucket, f"{listener.url}/events", persistent=False, suffix=".dcm")
    assert receiver.post(dicom_file(1), dicom_file(2)).status_code == 200
    assert receiver.c_store(dicom_file(3), dicom_file(2)) == [0, 0]
    assert keys_in(ceph.s3(), bucket) == {key(1), key(2), key(3)}
    told = [stored.key for request in listener.requests for stored in parse_notification(request.body).stored]
    assert sorted(told) == sorted([key(1), key(2), key(2), key(3)])
    assert receiver.post(dicom_file(4), token="wrong").status_code == 401


def test_while_radosgw_is_away_nothing_is_promised_and_afterwards_all_goes_on(
    receiver: Receiver, ceph: Ceph, bucket: str
) -> None:
    ceph.kill_rgw()
    answer = receiver.post(dicom_file(1))
    assert (answer.status_code, answer.headers["medpattern-unavailable"]) == (503, "s3")
    assert receiver.c_store(dicom_file(2)) == [Reason.OUT_OF_RESOURCES]
    assert httpx.get(f"{receiver.url}/v2/health/ready").status_code == 200
    ceph.start_rgw()
    assert receiver.post(dicom_file(1)).status_code == 200
    assert receiver.c_store(dicom_file(2)) == [0]
    assert keys_in(ceph.s3(), bucket) == {key(1), key(2)}


def test_nothing_of_the_patient_is_in_its_log(receiver: Receiver) -> None:
    receiver.post(dicom_file(1), dicom_file(2)[:400])
    receiver.c_store(dicom_file(3))
    for identity in ("Testperson", "Wilhelmina", "SYN-1", sop_instance(1)):
        assert identity not in receiver.process.text()
