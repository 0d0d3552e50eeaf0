"""A service whose model is the stand-in and whose database is real SQLite; store and broker are in memory.

What only real servers can show is in tests/real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Superseded, Unavailable
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.model.assessment import AssessmentSettings
from medpattern.pipeline.service.app import load_scorer
from medpattern.pipeline.service.handling import Delivery, Handler
from medpattern.pipeline.service.publication import Publisher
from medpattern.pipeline.service.scoring import Scorer
from medpattern.pipeline.service.settings import ModelSettings, Simulation
from medpattern.pipeline.simulation.machine import MachineSettings, SimulatedImage, phantom_image
from medpattern.pipeline.store.objects import Fetched
from tests.pipeline.model import STAND_IN
from tests.pipeline.model.models import model_file

KEYS = Keys(b"i" * 32, b"p" * 32)
MARK_KEY = b"m" * 32
BUCKET = "xray-source"


@dataclass
class MemoryStore:
    """Objects by bucket and key, one version each; `away` makes every call fail."""

    objects: dict[tuple[str, str], tuple[bytes, dict[str, str], str]] = field(default_factory=dict)
    writes: list[tuple[str, str, bytes]] = field(default_factory=list)
    away: bool = False

    def keep(self, key: str, data: bytes, metadata: dict[str, str] | None = None, bucket: str = BUCKET) -> StoredObject:
        """Stores as the X-ray machine does; returns what an event would say."""
        etag = f"{abs(hash(data)):x}"
        self.objects[bucket, key] = (data, metadata or {}, etag)
        return StoredObject(bucket, key, "", etag, len(data), now())

    def fetch(self, stored: StoredObject, most_bytes: int) -> Fetched:
        if self.away:
            raise Unavailable("s3", "ConnectionError")
        found = self.objects.get((stored.bucket, stored.key))
        if found is None:
            raise Superseded("gone")
        if found[2] != stored.etag:
            raise Superseded("replaced")
        return Fetched(found[0], found[1])

    def fetch_newest(self, bucket: str, key: str, most_bytes: int) -> Fetched:
        found = self.objects.get((bucket, key))
        if found is None:
            raise Superseded("gone")
        return Fetched(found[0], found[1])

    def put(self, bucket: str, key: str, data: bytes, content_type: str, metadata: object = None) -> str:
        if self.away:
            raise Unavailable("s3", "ConnectionError")
        self.writes.append((bucket, key, data))
        return ""


class MemoryEdges:
    """The handler's edges; `broker_away` makes publishing fail."""

    def __init__(self, results: Results) -> None:
        self.store = MemoryStore()
        self.results = results
        self.events: list[CloudEvent] = []
        self.broker_away = False

    def publish(self, event: CloudEvent) -> None:
        if self.broker_away:
            raise Unavailable("kafka", "not acknowledged")
        self.events.append(event)


@cache
def stand_in_scorer() -> Scorer:
    """The stand-in, which answers to drawn films, loaded once for all tests."""
    return load_scorer(ModelSettings(STAND_IN, "", 1, AssessmentSettings(), Limits()))


@cache
def film(number: int, burned_in: float = 0.0, form: str = "png", names_in_keys: bool = False) -> SimulatedImage:
    """A phantom of 256 x 256, marked as simulated."""
    return phantom_image(
        MachineSettings(
            seed=3, formats={form: 1.0}, burned_in=burned_in, height=256, width=256, deep=0, bucket=BUCKET,  # type: ignore[dict-item]
            mark_key=MARK_KEY, names_in_keys=names_in_keys,
        ),
        number,
    )  # fmt: skip


def scorer_of(document: Mapping[str, Any], folder: Path, settings: AssessmentSettings | None = None) -> Scorer:
    """The tiny model of the tests with that card, warm; its score is the prepared film's mean."""
    path = model_file(folder / "tiny.onnx", card=document)
    return load_scorer(ModelSettings(path, "", 1, settings or AssessmentSettings(), Limits()))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    engine = open_engine(f"sqlite:///{tmp_path / 'results.sqlite'}")
    migrate(engine)
    return Results(engine)


@pytest.fixture
def edges(results: Results) -> MemoryEdges:
    return MemoryEdges(results)


@pytest.fixture
def handler(edges: MemoryEdges) -> Handler:
    publisher = Publisher(edges.store, BurnedInTextRemover(), "xray-processed", "xray-anonymised")  # type: ignore[arg-type]
    return Handler(KEYS, edges, stand_in_scorer(), publisher, Simulation(True, (BUCKET,), MARK_KEY))  # type: ignore[arg-type]


def delivery(holder: str = "a", *, backfill: bool = False, notify: bool = True) -> Delivery:
    return Delivery(now(), holder, backfill, notify)
