"""`medpattern purge` from the outside."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from medpattern.cli.main import app
from medpattern.errors import UsageError
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.settings import KafkaSettings
from tests.pipeline.environment import stage_environment
from tests.pipeline.kafka.topics import everything_in
from tests.pipeline.retention.hospital import KEPT, Hospital, make_old
from tests.pipeline.samples import KEYS

LETTERS = "dead-letters"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker({LETTERS: 1})
    yield made
    made.close()


@pytest.fixture
def environment(tmp_path: Path, moto: str, hospital: Hospital, database_url: str) -> dict[str, str]:
    settings = hospital.store.settings
    return stage_environment(
        tmp_path,
        s3=moto,
        bucket=hospital.source,
        database_url=database_url,
        PROCESSED_BUCKET=settings.processed,
        ANONYMISED_BUCKET=settings.anonymised,
    )


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["purge", *arguments], env=environment)


def summary(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = run(environment, *arguments, "--output", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_image_is_purged_and_its_dead_letter_forgotten_by_the_topic(
    environment: dict[str, str], hospital: Hospital, broker: EmbeddedBroker
) -> None:
    stored = hospital.put("a")
    hospital.score(stored)
    hospital.give_up(stored)
    environment |= {"MEDPATTERN_KAFKA_BOOTSTRAP": broker.bootstrap, "MEDPATTERN_DEAD_LETTERS_TOPIC": LETTERS}
    done = summary(environment, "--image", KEYS.image_pseudonym(stored.image), "--yes", "--who", "dr.lund")
    assert (done["images"], done["sourceVersions"], done["results"], done["deadLetters"]) == (1, 1, 1, 1)
    assert set(hospital.rows()) == KEPT
    assert [row["who"] for row in hospital.audited()] == ["dr.lund"]
    (record,) = everything_in(KafkaSettings(broker.bootstrap), LETTERS)
    assert (record.key().decode(), record.value()) == (KEYS.image_id(stored.image), None)


def test_retention_purges_each_class_at_its_age(environment: dict[str, str], hospital: Hospital) -> None:
    hospital.score(hospital.put("old"))
    make_old(hospital.source, 40)
    hospital.put("young")
    done = summary(environment | {"MEDPATTERN_RETENTION_SOURCE_DAYS": "30"}, "--retention", "--yes")
    assert (done["sourceVersions"], done["results"]) == (1, 0)
    assert hospital.objects()[hospital.source] == {"young@"}
    assert hospital.rows()["results"] == 1
    assert [row["purpose"] for row in hospital.audited()] == ["retention"]


def test_without_yes_nothing_is_removed_where_nobody_can_be_asked(
    environment: dict[str, str], hospital: Hospital
) -> None:
    hospital.put("a")
    done = run(environment, "--older-than", "0s")
    assert isinstance(done.exception, UsageError)
    assert hospital.objects()[hospital.source] == {"a@"}


@pytest.mark.parametrize(("answer", "left"), [("n", {"a@"}), ("y", set())])
def test_person_at_a_terminal_is_asked(
    environment: dict[str, str], hospital: Hospital, answer: str, left: set[str]
) -> None:
    pseudonym = KEYS.image_pseudonym(hospital.put("a").image)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "medpattern", "purge", "--image", pseudonym],
        env={**os.environ, **environment},
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "1 image: 1 version" in done.stderr
    assert done.returncode == (0 if answer == "y" else 1), done.stderr
    assert hospital.objects()[hospital.source] == left


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--older-than", "30d", "--retention"],
        ["--older-than", "thirty days"],
        ["--image", "p" * 32, "--purpose", "x" * 256],
    ],
    ids=["nothing", "two", "no-span", "long-purpose"],
)
def test_wrong_use_is_told(environment: dict[str, str], arguments: list[str]) -> None:
    assert isinstance(run(environment, *arguments, "--yes").exception, UsageError)
