"""Cold starts: processor seconds from a process's start until it is ready, and until its first answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import load
from tests.benchmarks.servers import Kind, Server, ServerError


@dataclass(frozen=True, slots=True)
class ColdStart:
    """CPU seconds, child processes included, since the process began: when ready, and when it had answered once."""

    ready_s: float
    answered_s: float


def cold_start(kind: Kind, folder: Path, first: Callable[[Server], object]) -> ColdStart:
    """One start of `kind`, ended again. `first` asks at once what is to be answered."""
    with Server(kind, folder) as server:
        server.wait_ready()
        ready = server.cpu()
        first(server)
        return ColdStart(ready, server.cpu())


def scores(image: bytes) -> Callable[[Server], object]:
    """The first question is to score `image`."""
    return lambda server: server.ask(image)


def event(bucket: str, key: str, etag: str) -> bytes:
    """The request by which a source delivers the notification of one stored object."""
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": key,
        "ce-source": "/benchmark",
        "ce-type": "dev.knative.kafka.event",
    }
    return load.request("/", notification(bucket, key, etag), headers)


def notification(bucket: str, key: str, etag: str) -> bytes:
    """What Ceph's gateway says of one stored object, less what nobody reads."""
    place = {"bucket": {"name": bucket}, "object": {"key": key, "eTag": etag, "versionId": "", "size": 1}}
    record = {
        "eventVersion": "2.2",
        "eventSource": "ceph:s3",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "eventName": "ObjectCreated:Put",
        "s3": place,
    }
    return json.dumps({"Records": [record]}).encode()


def delivers(request: bytes) -> Callable[[Server], object]:
    """The first question is an event, which must end as scored."""

    def first(server: Server) -> None:
        with load.Connection(server.kind.port) as connection:
            status, body = connection.ask(request)
        if status != 200 or json.loads(body).get("scored") != 1:
            raise ServerError(f"the first event was answered with {status}: {body[:500]!r}")

    return first
