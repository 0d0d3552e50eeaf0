"""A hospital whose store is moto and whose database is SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.pipeline.retention.hospital import Hospital, made_in


@pytest.fixture
def hospital(moto_client: Any, moto: str, engine: Engine) -> Hospital:
    return made_in(moto_client, moto, engine)


@pytest.fixture
def versioned_hospital(moto_client: Any, moto: str, engine: Engine) -> Hospital:
    return made_in(moto_client, moto, engine, versioned=True)
