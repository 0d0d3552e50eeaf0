"""STOW-RS as a sender sees it: what is answered, and what then lies in the bucket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from medpattern.pipeline.receive.deposit import Deposit
from medpattern.pipeline.receive.instances import Instance, Reason
from medpattern.pipeline.receive.settings import ReceiveSettings
from medpattern.pipeline.receive.web import build
from tests.pipeline.receive.conftest import DX, STUDY, dicom_file, settings_for, sop_instance
from tests.pipeline.receive.test_instances import CT
from tests.pipeline.receive.test_multipart import BOUNDARY, body

TOKEN = "a token of the tests"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
Read = Callable[[], dict[str, bytes]]


def client_for(deposit: Deposit, **limits: int) -> TestClient:
    bounds = {"instance_bytes": 100_000, "request_bytes": 1_000_000, "concurrency": 2} | limits
    return TestClient(build(ReceiveSettings(settings_for("http://127.0.0.1"), TOKEN, **bounds), deposit))


@pytest.fixture
def client(deposit: Deposit) -> TestClient:
    return client_for(deposit)


def send(client: TestClient, content: Any, path: str = "/studies", **headers: str) -> httpx.Response:
    return client.post(
        path, content=content, headers={"content-type": TYPE, "authorization": f"Bearer {TOKEN}"} | headers
    )


def key(number: int) -> str:
    return Instance(DX, sop_instance(number)).key


def references(answer: httpx.Response, sequence: str) -> list[str]:
    """The SOPInstanceUIDs in a sequence of the answer."""
    return [item["00081155"]["Value"][0] for item in answer.json().get(sequence, {"Value": []})["Value"]]


def reasons(answer: httpx.Response, sequence: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json()[sequence]["Value"]]


def test_stored_instances_lie_in_the_bucket_unchanged(client: TestClient, stored: Read) -> None:
    files = [dicom_file(number) for number in (1, 2)]
    answer = send(client, body(*files))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert references(answer, "00081199") == [sop_instance(1), sop_instance(2)]
    assert "00081198" not in answer.json()
    assert stored() == {key(1): files[0], key(2): files[1]}


def test_body_that_comes_in_chunks_without_a_length_is_stored(client: TestClient, stored: Read) -> None:
    whole = body(dicom_file(1), dicom_file(2))
    answer = send(client, (whole[at : at + 37] for at in range(0, len(whole), 37)))
    assert answer.status_code == 200
    assert set(stored()) == {key(1), key(2)}


def test_repeat_overwrites_itself(client: TestClient, stored: Read) -> None:
    for _ in range(2):
        assert send(client, body(dicom_file(1))).status_code == 200
    assert set(stored()) == {key(1)}


def test_some_stored_is_202_and_names_both_sorts(client: TestClient, stored: Read) -> None:
    answer = send(client, body(dicom_file(1), dicom_file(2, sop_class=CT), b"no DICOM"))
    assert answer.status_code == 202
    assert references(answer, "00081199") == [sop_instance(1)]
    assert references(answer, "00081198") == [sop_instance(2)]
    assert reasons(answer) == [Reason.SOP_CLASS_NOT_SUPPORTED]
    assert reasons(answer, "0008119A") == [Reason.NOT_UNDERSTOOD]
    assert set(stored()) == {key(1)}


def test_none_stored_is_409(client: TestClient, stored: Read) -> None:
    answer = send(client, body(dicom_file(1)), "/studies/1.2.3")
    assert answer.status_code == 409
    assert reasons(answer) == [Reason.DOES_NOT_MATCH]
    assert stored() == {}


def test_instance_of_the_study_in_the_path_is_stored(client: TestClient, stored: Read) -> None:
    assert send(client, body(dicom_file(1)), f"/studies/{STUDY}").status_code == 200
    assert set(stored()) == {key(1)}


def test_instance_beyond_the_bound_is_refused_and_the_others_are_stored(deposit: Deposit, stored: Read) -> None:
    small = client_for(deposit, instance_bytes=len(dicom_file()))
    answer = send(small, body(dicom_file(1) + bytes(1), dicom_file(2)))
    assert answer.status_code == 202
    assert reasons(answer, "0008119A") == [Reason.PROCESSING_FAILURE]
    assert set(stored()) == {key(2)}


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_request_beyond_the_bound_is_413(deposit: Deposit, declared: bool) -> None:
    whole = body(dicom_file(1), dicom_file(2))
    answer = send(client_for(deposit, request_bytes=len(whole) - 1), whole if declared else iter([whole]))
    assert answer.status_code == 413
    assert answer.json()["retryable"] is False


def test_part_of_another_type_is_refused(client: TestClient) -> None:
    answer = send(client, body(dicom_file(1), media_type="application/json"))
    assert answer.status_code == 409


@pytest.mark.parametrize("content", [b"", body(), body(dicom_file(1))[:-9], b"nothing of the kind"])
def test_malformed_body_is_400(client: TestClient, content: bytes) -> None:
    assert send(client, content).status_code == 400


def test_other_content_types_are_415_and_other_answers_406(client: TestClient) -> None:
    assert send(client, dicom_file(), **{"content-type": "application/dicom"}).status_code == 415
    assert send(client, body(dicom_file()), accept="application/dicom+xml").status_code == 406


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer "])
def test_without_the_token_nothing_is_stored(client: TestClient, stored: Read, authorization: str | None) -> None:
    headers = {"content-type": TYPE} | ({"authorization": authorization} if authorization else {})
    answer = client.post("/studies", content=body(dicom_file(1)), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert stored() == {}


def test_store_that_is_away_is_503_and_nothing_is_promised(deposit_away: Deposit) -> None:
    answer = send(client_for(deposit_away), body(dicom_file(1)))
    assert answer.status_code == 503
    assert answer.headers["medpattern-unavailable"] == "s3"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["retryable"] is True


def test_nothing_of_the_patient_is_in_answers_or_logs(
    client: TestClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        answer = send(client, body(dicom_file(1), dicom_file(2, sop_class=CT), dicom_file(3)[:300]))
    said = answer.text + json.dumps(dict(answer.headers)) + caplog.text + "".join(capsys.readouterr())
    for identity in ("Testperson", "Wilhelmina", "SYN-1"):
        assert identity not in said


def test_sender_that_falls_silent_loses_its_turn(
    deposit: Deposit, stored: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medpattern.pipeline.receive.web._SECONDS_BETWEEN_CHUNKS", 0.2)
    app = build(ReceiveSettings(settings_for("http://127.0.0.1"), TOKEN, 100_000, 100_000, 1), deposit)
    statuses: list[int] = []

    async def silent() -> dict[str, Any]:
        if not statuses:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def note(message: Any) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"content-type", TYPE.encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/studies", "headers": headers, "query_string": b""}
    asyncio.run(app(scope, silent, note))
    assert statuses[0] == 408


def test_it_is_ready_once_the_bucket_was_reached(deposit: Deposit) -> None:
    with client_for(deposit) as client:
        wait_for(lambda: client.get("/v2/health/ready").status_code == 200)
        assert client.get("/v2/health/live").status_code == 200


def test_it_is_not_ready_while_the_bucket_was_never_reached(deposit_away: Deposit) -> None:
    with client_for(deposit_away) as client:
        assert client.get("/v2/health/ready").status_code == 503
        assert client.get("/v2/health/live").status_code == 200


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_says_what_it_takes_and_counts_what_it_took(client: TestClient) -> None:
    assert DX in client.get("/").json()["sopClasses"]
    before = stored_total(client)
    send(client, body(dicom_file(1), dicom_file(2)))
    assert stored_total(client) == before + 2


def stored_total(client: TestClient) -> float:
    name = 'medpattern_received_instances_total{end="stored",protocol="stow-rs"} '
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(lines[0].removeprefix(name)) if lines else 0.0
