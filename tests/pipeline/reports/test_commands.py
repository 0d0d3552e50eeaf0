"""`medpattern report` and `medpattern verdict` from the outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from medpattern.cli.main import app
from medpattern.errors import UsageError
from medpattern.pipeline.identity import ObjectVersion
from tests.pipeline.database.test_accounting import score
from tests.pipeline.samples import result_of

RESULT = result_of(ObjectVersion("xrays", "a.png", "v1"))
OTHER = result_of(ObjectVersion("xrays", "b.png", "v1"))


@pytest.fixture
def environment(engine: Engine, database_url: str) -> dict[str, str]:
    score(engine, RESULT)
    return {"MEDPATTERN_DATABASE_URL": database_url}


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=environment)


def report(environment: dict[str, str], name: str) -> dict[str, Any]:
    done = run(environment, "report", name)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_report_becomes_final_by_a_verdict(environment: dict[str, str]) -> None:
    assert report(environment, RESULT.result_id)["status"] == "preliminary"
    done = run(environment, "verdict", RESULT.result_id, "disagree", "--reader", "dr.osei", "--comment", "Old scar.")
    assert done.exit_code == 0, done.output
    found = report(environment, RESULT.image_pseudonym)
    assert found["status"] == "final"
    assert "Old scar." in found["conclusion"]


def test_patient_with_several_images_gets_a_bundle(environment: dict[str, str], engine: Engine) -> None:
    assert report(environment, RESULT.patient_pseudonym or "")["resourceType"] == "DiagnosticReport"
    score(engine, OTHER)
    found = report(environment, RESULT.patient_pseudonym or "")
    assert {entry["resource"]["id"] for entry in found["entry"]} == {RESULT.result_id, OTHER.result_id}


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "nobody"],
        ["verdict", "0" * 64, "agree", "--reader", "dr.osei"],
        ["verdict", RESULT.result_id, "agree", "--reader", ""],
        ["verdict", RESULT.result_id, "agree", "--reader", "dr.osei", "--comment", "c" * 2001],
    ],
    ids=["no-such-image", "no-such-result", "no-reader", "long-comment"],
)
def test_wrong_use_is_told(environment: dict[str, str], arguments: list[str]) -> None:
    assert isinstance(run(environment, *arguments).exception, UsageError)


def test_opinion_is_one_of_three(environment: dict[str, str]) -> None:
    done = run(environment, "verdict", RESULT.result_id, "perhaps", "--reader", "dr.osei")
    assert done.exit_code == 2
    assert "other-finding" in done.output
