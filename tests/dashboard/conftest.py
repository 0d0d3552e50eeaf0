from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from medpattern.dashboard.app import build
from medpattern.dashboard.health import Probe
from medpattern.dashboard.images import Pictures
from medpattern.dashboard.observer import Observer
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.store.sources import SourceIndex
from tests.dashboard.world import World, open_world


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them."""
    path = tmp_path_factory.mktemp("tables") / "empty.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def world(tmp_path: Path, s3_endpoint: str, tables: Path) -> Iterator[World]:
    with open_world(tmp_path, s3_endpoint, f"w{uuid.uuid4().hex[:12]}", tables=tables) as made:
        yield made


@pytest.fixture
def page(world: World) -> Iterator[TestClient]:
    """The page's application, asked without a network."""
    engine, probe = open_engine(world.database_url, read_only=True), Probe()
    pictures = Pictures(engine, world.store, SourceIndex(world.store, world.keys))
    with TestClient(build(engine, Observer(engine, world.state_path, probe), pictures), "http://127.0.0.1") as client:
        yield client
    probe.close()
    engine.dispose()
