"""Servers inside the test process that several stages share: an object store (moto) and a database (SQLite)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import Engine

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an object store."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def moto_client(moto: str) -> Any:
    """A client of that store which is not medpattern's own."""
    return boto3.client(
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="access", aws_secret_access_key="secret"
    )


@pytest.fixture
def versioned_bucket(moto_client: Any) -> str:
    """The name of an empty bucket that keeps versions, this test's own."""
    name = f"versioned-{uuid.uuid4().hex[:12]}"
    moto_client.create_bucket(Bucket=name)
    moto_client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def plain_bucket(moto_client: Any) -> str:
    """The name of an empty bucket without versions, this test's own."""
    name = f"plain-{uuid.uuid4().hex[:12]}"
    moto_client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Where an empty database is."""
    return f"sqlite:///{tmp_path / 'results.sqlite'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with its tables."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()
