"""Requests read within bounds, and answers that say whether a repeat can help."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from medpattern.pipeline.failures import Busy, Superseded, Unavailable, Unprocessable
from medpattern.pipeline.http.responses import authorised, failure, read_body, unauthorised


async def echo(request: Request) -> Response:
    if not authorised(request, request.query_params.get("token", "")):
        return unauthorised()
    try:
        return Response(str(len(await read_body(request, 10))))
    except Unprocessable as refused:
        return failure(refused)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[Route("/", echo, methods=["POST"])]))


def test_a_body_of_just_the_limit_is_read_and_one_byte_more_is_not(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 10).text == "10"
    assert client.post("/", content=b"x" * 11).json()["reason"] == "too-large"


def test_a_body_that_does_not_say_its_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 6

    assert client.post("/", content=endless()).json()["reason"] == "too-large"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer right", 200),
        ("Bearer wrong", 401),
        ("bearer right", 401),
        ("right", 401),
        ("Bearer ünïcode", 401),
        (None, 401),
    ],
)
def test_only_the_right_token_opens(client: TestClient, given: str | None, status: int) -> None:
    headers = {"Authorization": given.encode("latin-1")} if given else {}
    answer = client.post("/?token=right", content=b"x", headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("problem", "status", "reason", "retryable"),
    [
        (Unprocessable("truncated", "ends early"), 422, "truncated", False),
        (Unavailable("database", "OperationalError"), 503, "database-unavailable", True),
        (Busy("another"), 503, "busy", True),
        (Superseded("gone"), 500, "internal-error", True),
        (RuntimeError("DOE^JANE"), 500, "internal-error", True),
    ],
)
def test_each_failure_has_its_answer(problem: Exception, status: int, reason: str, retryable: bool) -> None:
    answer = failure(problem)
    body = json.loads(bytes(answer.body))
    assert (answer.status_code, body["reason"], body["retryable"]) == (status, reason, retryable)
    assert b"DOE" not in bytes(answer.body)
    assert answer.media_type == "application/problem+json"
