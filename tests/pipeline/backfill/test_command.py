"""`medpattern backfill` from the outside: an object store, a database and a broker that speak their protocols."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from medpattern.cli.main import app
from medpattern.errors import UsageError
from medpattern.pipeline.backfill.publishing import Progress
from medpattern.pipeline.backfill.repeating import repeat
from medpattern.pipeline.events.notifications import StoredObject, parse_notification
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.local.settings import free_ports
from medpattern.pipeline.settings import KafkaSettings, StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from tests.pipeline.backfill.test_missing import put, score
from tests.pipeline.environment import stage_environment
from tests.pipeline.kafka.topics import everything_in
from tests.pipeline.samples import MODEL, OTHER_MODEL
from tests.pipeline.waiting import eventually

IMAGES, BACKFILL = "images", "backfill"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker({IMAGES: 2, BACKFILL: 2})
    yield made
    made.close()


@pytest.fixture
def environment(
    tmp_path: Path, moto: str, plain_bucket: str, engine: Engine, database_url: str, broker: EmbeddedBroker
) -> dict[str, str]:
    return stage_environment(
        tmp_path,
        s3=moto,
        bucket=plain_bucket,
        database_url=database_url,
        bootstrap=broker.bootstrap,
        INPUT_TOPIC=IMAGES,
        BACKFILL_TOPIC=BACKFILL,
        MODEL_SHA256=MODEL,
    )


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["backfill", *arguments], env=environment, catch_exceptions=True)


def summary(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = run(environment, *arguments, "--output", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def records(broker: EmbeddedBroker, topic: str) -> list[tuple[str, dict[str, bytes]]]:
    """Keys of the images and headers of all records."""
    messages = everything_in(KafkaSettings(broker.bootstrap), topic)
    return [(parse_notification(message.value()).stored[0].key, dict(message.headers() or [])) for message in messages]


def objects_of(environment: dict[str, str]) -> dict[str, StoredObject]:
    bucket = environment["MEDPATTERN_SOURCE_BUCKET"]
    settings = StoreSettings(environment["MEDPATTERN_S3_ENDPOINT"], "us-east-1", (bucket,), "", "", "access", "secret")
    return {item.object.key: item.object for item in ObjectStore(settings).versions(bucket)}


def test_further_run_publishes_only_what_has_no_result_yet(
    environment: dict[str, str], broker: EmbeddedBroker, moto_client: Any, plain_bucket: str, engine: Engine
) -> None:
    put(moto_client, plain_bucket, "a", "b", "c")
    first = summary(environment, plain_bucket)
    assert (first["listed"], first["withoutOutcome"], first["published"]) == (3, 3, 3)
    for key in ("a", "b"):
        score(engine, objects_of(environment)[key])
    assert summary(environment, plain_bucket)["published"] == 1
    found = records(broker, BACKFILL)
    assert sorted(key for key, _ in found) == ["a", "b", "c", "c"]
    assert all(headers["backfill"] == b"silent" for _, headers in found)


def test_notify_is_told_only_when_asked_for(
    environment: dict[str, str], broker: EmbeddedBroker, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a")
    summary(environment, plain_bucket, "--notify")
    assert [headers["backfill"] for _, headers in records(broker, BACKFILL)] == [b"notify"]


def test_missing_goes_to_the_input_topic_and_counts_any_model(
    environment: dict[str, str], broker: EmbeddedBroker, moto_client: Any, plain_bucket: str, engine: Engine
) -> None:
    put(moto_client, plain_bucket, "scored", "lost")
    score(engine, objects_of(environment)["scored"], OTHER_MODEL)
    done = summary(environment, "--missing", "--older-than", "0s")
    assert (done["withoutOutcome"], done["published"]) == (1, 1)
    assert [key for key, _ in records(broker, IMAGES)] == ["lost"]


def test_missing_leaves_the_last_ten_minutes_alone(
    environment: dict[str, str], moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "fresh")
    done = summary(environment, "--missing")
    assert (done["tooYoung"], done["published"]) == (1, 0)


def test_metrics_are_written_for_prometheus(
    environment: dict[str, str], moto_client: Any, plain_bucket: str, tmp_path: Path
) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    put(moto_client, plain_bucket, "a", "b")
    file = tmp_path / "medpattern.prom"
    summary(environment, "--missing", "--older-than", "0s", "--metrics-file", str(file))
    samples = {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(file.read_text("utf-8"))
        for sample in family.samples
    }
    assert samples["medpattern_images_without_outcome"] == ({"bucket": plain_bucket}, 2)
    assert samples["medpattern_oldest_image_without_outcome_seconds"][1] >= 0


def test_one_that_stays_tells_of_what_was_stored_since_and_ends_when_asked(
    environment: dict[str, str], moto_client: Any, plain_bucket: str, broker: EmbeddedBroker
) -> None:
    put(moto_client, plain_bucket, "a")
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "medpattern", "backfill", "--missing", "--older-than", "0s", "--every", "1s"]
    command += ["--metrics-port", str(port)]

    def told() -> float | None:
        try:
            text = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=False).data.decode()
        except urllib3.exceptions.HTTPError:
            return None
        line = f'medpattern_images_without_outcome{{bucket="{plain_bucket}"}} '
        return next((float(found.removeprefix(line)) for found in text.splitlines() if found.startswith(line)), None)

    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE) as process:
        try:
            eventually(lambda: told() == 1)
            put(moto_client, plain_bucket, "b")
            eventually(lambda: told() == 2)
            # The number is told before they are published, and one that is asked to end publishes no more.
            eventually(lambda: {key for key, _ in records(broker, IMAGES)} == {"a", "b"})
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0


def test_one_that_stays_outlives_a_dependency_that_is_away() -> None:
    stopping = threading.Event()
    turns: list[str] = []

    def work() -> Progress:
        turns.append("turn")
        if len(turns) == 1:
            raise Unavailable("s3", "ConnectionError")
        stopping.set()
        return Progress()

    repeat(work, timedelta(0), stopping)
    assert len(turns) == 2


def test_dry_run_counts_and_needs_no_broker(environment: dict[str, str], moto_client: Any, plain_bucket: str) -> None:
    put(moto_client, plain_bucket, "a")
    done = summary(environment | {"MEDPATTERN_KAFKA_BOOTSTRAP": ""}, plain_bucket, "--dry-run")
    assert (done["withoutOutcome"], done["published"], done["dryRun"]) == (1, 0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["another-bucket"],
        ["--missing", "--older-than", "soon"],
        ["{bucket}", "--metrics-file", "f"],
        ["{bucket}", "--every", "1h"],
        ["--missing", "--metrics-port", "1"],
        ["--missing", "--every", "1h", "--metrics-port", "1", "--metrics-file", "f"],
        ["--missing", "--every", "often"],
    ],
    ids=[
        "no-bucket",
        "undeclared-bucket",
        "no-span",
        "metrics-without-missing",
        "every-without-missing",
        "port-without-every",
        "port-and-file",
        "every-no-span",
    ],
)
def test_wrong_use_is_told_and_publishes_nothing(
    environment: dict[str, str], arguments: list[str], plain_bucket: str
) -> None:
    done = run(environment, *(argument.format(bucket=plain_bucket) for argument in arguments))
    assert isinstance(done.exception, UsageError)


def test_end_in_the_middle_is_in_order_and_the_rest_stays(
    environment: dict[str, str], broker: EmbeddedBroker, moto_client: Any, plain_bucket: str
) -> None:
    put(moto_client, plain_bucket, "a", "b", "c")
    command = [sys.executable, "-m", "medpattern", "backfill", plain_bucket, "--backlog", "2", "--output", "json"]
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process:
        # Nobody reads the topic, so that it waits for ever after the second record.
        eventually(lambda: len(records(broker, BACKFILL)) == 2)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    done = json.loads(printed)
    assert (done["published"], done["interrupted"]) == (2, True)
