"""Both prediction contracts and the document that describes them, on the shipped model."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medpattern.pipeline.service.prediction_routes import PredictionRoutes
from tests.pipeline.service.conftest import MemoryStore, film, stand_in_scorer

TOKEN = {"Authorization": "Bearer open-sesame"}
MODEL = f"/v2/models/{stand_in_scorer().card.name}"
VERSIONED = f"{MODEL}/versions/{stand_in_scorer().card.version}"


def client(token: str = "", store: MemoryStore | None = None) -> TestClient:
    async def score(work: Callable[[], object]) -> object:
        return work()

    routes = PredictionRoutes(stand_in_scorer(), store or MemoryStore(), ("ours",), token, score)  # type: ignore[arg-type]
    return TestClient(Starlette(routes=routes.routes()))


def tensor(*images: bytes, **more: Any) -> dict[str, Any]:
    data = [base64.b64encode(image).decode() for image in images]
    return {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [len(images)], "data": data}], **more}


def outputs(answer: Any) -> dict[str, list[Any]]:
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def binary(*images: bytes) -> tuple[bytes, dict[str, str]]:
    body = b"".join(len(image).to_bytes(4, "little") + image for image in images)
    head = {"name": "image", "datatype": "BYTES", "shape": [len(images)], "parameters": {"binary_data_size": len(body)}}
    text = json.dumps({"inputs": [head]}).encode()
    return text + body, {"Inference-Header-Content-Length": str(len(text))}


def test_json_binary_and_raw_requests_give_the_same_scores() -> None:
    first, second = film(1).data, film(2).data
    service = client()
    in_json = outputs(service.post(f"{MODEL}/infer", json=tensor(first, second)))
    body, headers = binary(first, second)
    in_binary = outputs(service.post(f"{VERSIONED}/infer", content=body, headers=headers))
    raw = outputs(service.post(f"{MODEL}/infer", content=first, headers={"Inference-Header-Content-Length": "0"}))
    assert in_json == in_binary
    assert raw["score"] == in_json["score"][:1]
    expected = [stand_in_scorer().assess_only(image) for image in (first, second)]
    assert in_json["score"] == [found.score for found in expected]
    assert in_json["outcome"] == [found.outcome for found in expected]


def test_an_answer_names_the_model_and_says_what_it_is_not() -> None:
    answer = client().post(f"{MODEL}/infer", json=tensor(film(1).data, id="7")).json()
    card = stand_in_scorer().card
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", card.name, card.version)
    assert answer["parameters"]["statement"] == "preliminary, not for diagnosis"


def test_only_the_outputs_that_were_asked_for_come() -> None:
    answer = client().post(f"{MODEL}/infer", json=tensor(film(1).data, outputs=[{"name": "outcome"}]))
    assert list(outputs(answer)) == ["outcome"]


@pytest.mark.parametrize(
    "request_body",
    [
        b"", b"[]", b"{}", b'{"inputs": []}', b'{"inputs": [7]}', b'{"id": 7, "inputs": []}',
        json.dumps(tensor(b"x", outputs=[{"name": "risks"}])).encode(),
        json.dumps({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": ["eA=="]}]}).encode(),
        json.dumps({"inputs": [{"name": "image", "datatype": "FP32", "shape": [1], "data": [1]}]}).encode(),
        json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [2], "data": ["eA=="]}]}).encode(),
        json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["no base64!"]}]}).encode(),
        json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1, 2, 3], "data": []}]}).encode(),
        json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": "x", "data": []}]}).encode(),
        json.dumps(tensor(b"no image")).encode(),
        json.dumps(tensor(*[b"x"] * 33)).encode(),
    ],
)  # fmt: skip
def test_a_request_that_breaks_the_protocol_gets_400_and_a_text(request_body: bytes) -> None:
    answer = client().post(f"{MODEL}/infer", content=request_body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "99999"])
def test_a_header_length_beyond_the_body_gets_400(length: str) -> None:
    answer = client().post(f"{MODEL}/infer", content=b"{}", headers={"Inference-Header-Content-Length": length})
    assert answer.status_code == 400


def test_a_tensor_cut_short_gets_400() -> None:
    body, headers = binary(film(1).data)
    assert client().post(f"{MODEL}/infer", content=body[:-1], headers=headers).status_code == 400


@pytest.mark.parametrize("path", ["/v2/models/other", "/v2/models/other/ready", f"{MODEL}/versions/9/ready"])
def test_an_unknown_model_or_version_gets_404(path: str) -> None:
    assert client().get(path).status_code == 404
    assert client().post("/v2/models/other/infer", json=tensor(film(1).data)).status_code == 404


def test_metadata_readiness_and_server() -> None:
    service = client()
    assert service.get(MODEL).json()["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert service.get(f"{VERSIONED}/ready").json()["ready"] is True
    assert service.get("/v2").json() == service.get("/v2/").json()
    assert "binary_tensor_data" in service.get("/v2").json()["extensions"]


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401), (TOKEN, 200)])
def test_a_token_guards_both_contracts(headers: dict[str, str], status: int) -> None:
    service = client("open-sesame")
    image = base64.b64encode(film(1).data).decode()
    answer = service.post("/api/v0.1/predictions", json={"binData": image}, headers=headers)
    assert answer.status_code == status
    assert service.post(f"{MODEL}/infer", json=tensor(film(1).data), headers=headers).status_code == status
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)


def test_without_a_token_the_contract_that_promises_one_is_closed() -> None:
    assert client().post("/api/v0.1/predictions", json={"binData": ""}).status_code == 401


@pytest.mark.parametrize("path", ["/api/v0.1/predictions", "/api/v1.0/predictions"])
def test_an_image_is_named_by_bucket_and_key(path: str) -> None:
    store = MemoryStore()
    store.keep("ward/a.png", film(1).data, bucket="ours")
    body = {"strData": "ours/ward/a.png", "meta": {"puid": "p1"}}
    answer = client("open-sesame", store).post(path, json=body, headers=TOKEN).json()
    said = json.loads(answer["strData"])
    assert said["score"] == stand_in_scorer().assess_only(film(1).data).score
    assert said["statement"] == "preliminary, not for diagnosis"
    assert answer["meta"]["puid"] == "p1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"strData": "payroll/a.png"}, 403),
        ({"strData": "ours/missing.png"}, 404),
        ({"strData": "http://ours/a.png"}, 403),
        ({"strData": "/etc/passwd"}, 400),
        ({"strData": "ours"}, 400),
        ({"strData": "a" * 5000}, 400),
        ({"strData": "ours/a", "binData": ""}, 400),
        ({"binData": "no base64!"}, 400),
        ({"binData": base64.b64encode(b"no image").decode()}, 400),
        ({"data": {"ndarray": [[1]]}}, 400),
        ([], 400),
    ],
)
def test_what_cannot_be_predicted_gets_the_contract_s_own_error(body: Any, status: int) -> None:
    answer = client("open-sesame").post("/api/v0.1/predictions", json=body, headers=TOKEN)
    assert answer.status_code == status
    assert answer.json()["status"]["status"] == "FAILURE"


def test_the_document_names_every_route() -> None:
    document = client().get("/openapi.json").json()
    for path in (MODEL, f"{VERSIONED}/infer", "/", "/api/v0.1/predictions", "/metrics", "/v2/health/ready"):
        assert path in document["paths"]
    assert "not for diagnosis" in document["info"]["description"]
