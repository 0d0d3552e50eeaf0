"""The job of the chart xray-storage: who may do what in which bucket."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "charts/xray-storage/files/prepare_buckets.py"
NAMES = ("service", "uploader", "simulator", "backfill", "purge", "results")
PRINCIPALS = {name: f"arn:aws:iam:::user/{name}" for name in NAMES}
BUCKETS = ("source", "processed", "anonymised", "simulated")


def script(monkeypatch: pytest.MonkeyPatch, buckets: tuple[str, ...] = BUCKETS) -> ModuleType:
    """The script as the job runs it, with these buckets in its environment."""
    for role in BUCKETS:
        monkeypatch.delenv(f"{role.upper()}_BUCKET", raising=False)
    for role in buckets:
        monkeypatch.setenv(f"{role.upper()}_BUCKET", f"xray-{role}")
    spec = importlib.util.spec_from_file_location("prepare_buckets", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def allowed(policy: dict[str, Any] | None, who: str) -> set[str]:
    """What `who` may do, as `bucket:Action` and `object:Action`."""
    found = set()
    for statement in (policy or {"Statement": []})["Statement"]:
        assert statement["Effect"] == "Allow"
        (resource,) = statement["Resource"]
        kind = "object" if resource.endswith("/*") else "bucket"
        if statement["Principal"] == {"AWS": [PRINCIPALS[who]]}:
            found |= {f"{kind}:{action.removeprefix('s3:')}" for action in statement["Action"]}
    return found


READ = {"bucket:ListBucket", "object:GetObject", "object:GetObjectVersion"}
WRITE = {"object:PutObject", "object:AbortMultipartUpload"}
LIST = {"bucket:ListBucket", "bucket:ListBucketVersions"}
REMOVE = {*LIST, "object:GetObject", "object:DeleteObject", "object:DeleteObjectVersion"}
RIGHTS: dict[str, dict[str, set[str]]] = {
    "service": {"source": READ, "simulated": READ, "processed": READ | WRITE, "anonymised": READ | WRITE},
    "uploader": {"source": WRITE},
    "simulator": {"simulated": WRITE},
    "backfill": {"source": LIST},
    "results": {"source": LIST | READ, "processed": {"object:GetObject"}, "anonymised": {"object:GetObject"}},
    "purge": {"source": REMOVE, "processed": REMOVE, "anonymised": REMOVE},
}


@pytest.mark.parametrize("who", PRINCIPALS)
@pytest.mark.parametrize("role", BUCKETS)
def test_each_principal_has_what_it_needs_in_a_bucket_and_no_more(
    monkeypatch: pytest.MonkeyPatch, role: str, who: str
) -> None:
    assert allowed(script(monkeypatch).policy(role, f"xray-{role}", PRINCIPALS), who) == RIGHTS[who].get(role, set())


def test_a_bucket_without_principals_has_no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = dict.fromkeys(PRINCIPALS, "")
    assert script(monkeypatch).policy("source", "xray-source", nobody) is None


@pytest.mark.parametrize("buckets", [BUCKETS, BUCKETS[:3]], ids=["with", "without"])
def test_the_simulated_bucket_is_one_of_the_job_only_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch, buckets: tuple[str, ...]
) -> None:
    found = script(monkeypatch, buckets).ROLES

    assert tuple(found) == buckets
