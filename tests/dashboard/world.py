"""A small run without a run: object store, database and state file, filled as the stages would fill them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import dead_letters, notifications
from medpattern.pipeline.database.standing import Known, Lease
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.events.results import Outcome, Publication, Result
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.simulation.machine import MachineSettings, SimulatedImage, phantom_image
from medpattern.pipeline.store.objects import ObjectStore

MODEL = {"name": "stand-in", "version": "0", "sha256": "5" * 64, "standIn": True, "operatingPoint": "default"}
MACHINE = MachineSettings(count=None, height=160, width=144, names_in_keys=True, burned_in=0)
SECRETS = {"identity": "i" * 48, "pseudonym": "p" * 48, "access": "AKIAWORLD", "secret": "a-secret-of-the-store"}


@dataclass
class World:
    """Where everything lies; `films` are the images stored so far, with their keys full of names."""

    folder: Path
    settings: StoreSettings
    keys: Keys
    database_url: str
    films: list[SimulatedImage] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state_path = self.folder / "state.json"
        self.engine = open_engine(self.database_url)
        self.store = ObjectStore(self.settings)

    def environment(self) -> dict[str, str]:
        """What the run would start the page with."""
        credentials = self.folder / "credentials"
        credentials.mkdir(exist_ok=True)
        (credentials / "AWS_ACCESS_KEY_ID").write_text(self.settings.access_key)
        (credentials / "AWS_SECRET_ACCESS_KEY").write_text(self.settings.secret_key)
        for name in ("identity", "pseudonym"):
            (self.folder / f"{name}.key").write_text(SECRETS[name])
        return {
            "MEDPATTERN_DATABASE_URL": self.database_url,
            "MEDPATTERN_S3_ENDPOINT": self.settings.endpoint,
            "MEDPATTERN_S3_CREDENTIALS": str(credentials),
            "MEDPATTERN_SOURCE_BUCKET": ",".join(self.settings.sources),
            "MEDPATTERN_PROCESSED_BUCKET": self.settings.processed,
            "MEDPATTERN_ANONYMISED_BUCKET": self.settings.anonymised,
            "MEDPATTERN_IDENTITY_KEY_FILE": str(self.folder / "identity.key"),
            "MEDPATTERN_PSEUDONYM_KEY_FILE": str(self.folder / "pseudonym.key"),
            "MEDPATTERN_RUN_STATE": str(self.state_path),
        }

    def write_state(self, **said: Any) -> None:
        """The run's file, replaced as the run replaces it."""
        state: dict[str, Any] = {"phase": "running", "stored": len(self.films), "expected": 20, "stages": []}
        state |= {"embedded": ["s3", "kafka", "database"], "model": MODEL, "summary": None} | said
        fresh = self.state_path.with_suffix(".new")
        fresh.write_text(json.dumps(state))
        fresh.replace(self.state_path)

    def store_film(self) -> StoredObject:
        """The next film of the machine, in the source bucket, under a key with the patient's name in it."""
        film = phantom_image(MACHINE, len(self.films))
        bucket = self.settings.sources[0]
        etag = self.store.put(bucket, film.key, film.data, film.content_type, film.metadata)
        self.films.append(film)
        return StoredObject(bucket, film.key, "", etag, len(film.data), now())

    def score(self, stored: StoredObject, risk: float | None = 0.2, *, quarantine: str = "", **changed: Any) -> Result:
        """The result of a stored film, with its pictures, as the service leaves it; its event is published."""
        result = self._result(stored, risk, quarantine, changed)
        if not quarantine:
            self.store.put(self.settings.processed, str(result.processed_key), picture("RGB"), "image/png")
            self.store.put(self.settings.anonymised, str(result.anonymised_key), picture("L"), "image/png")
        table = Results(self.engine)
        lease = table.begin(result.result_id, result.image_id, "world")
        assert isinstance(lease, Lease)
        assert table.commit(result, lease, result.event().data.decode())
        table.published([result.result_id])
        self.results.append(result)
        return result

    def deliver_again(self, result: Result) -> None:
        """A duplicate delivery."""
        assert isinstance(Results(self.engine).begin(result.result_id, result.image_id, "world"), Known)

    def supersede(self, stored: StoredObject) -> None:
        """The image was gone when its event came."""
        table = Results(self.engine)
        lease = table.begin(self.keys.result_id(stored.image, MODEL["sha256"]), self.keys.image_id(stored.image), "w")
        assert isinstance(lease, Lease)
        table.supersede(lease, self.keys.image_pseudonym(stored.image), "gone", stored.stored)

    def give_up(self, stored: StoredObject | None, reason: str, *, retryable: bool = False, attempts: int = 1) -> None:
        """A dead letter, of an image or of an event that names none."""
        row = {
            "dead_letter_id": hashlib.sha256(f"{stored and stored.key}{reason}".encode()).hexdigest(),
            "image_id": self.keys.image_id(stored.image) if stored else None,
            "image_pseudonym": self.keys.image_pseudonym(stored.image) if stored else None,
            "reason": reason,
            "detail": "a detail for people",
            "retryable": retryable,
            "attempts": attempts,
            "first_at": now(),
            "last_at": now(),
            "sealed": b"sealed",
        }
        with self.engine.begin() as connection:
            connection.execute(dead_letters.insert().values(**row))

    def notify(self, result: Result, state: str = "sent") -> None:
        """A message to staff."""
        row = {"notification_id": f"mail-{result.result_id}", "result_id": result.result_id, "channel": "mail"}
        row |= {"state": state, "message": "{}", "due_at": now(), "ended_at": now(), "attempts": 1}
        with self.engine.begin() as connection:
            connection.execute(notifications.insert().values(**row))

    def _result(self, stored: StoredObject, risk: float | None, quarantine: str, changed: Mapping[str, Any]) -> Result:
        image, taken = stored.image, stored.stored or now()
        pseudonym = self.keys.image_pseudonym(image)
        kind = Outcome.UNSURE if risk is None or 0.3 < risk < 0.6 else Outcome.NORMAL
        values: dict[str, Any] = {
            "result_id": self.keys.result_id(image, MODEL["sha256"]),
            "image_id": self.keys.image_id(image),
            "image_pseudonym": pseudonym,
            "patient_pseudonym": self.keys.patient_pseudonym("SYN-1"),
            "source_bucket": stored.bucket,
            "outcome": Outcome.PNEUMONIA if risk is not None and risk >= 0.6 else kind,
            "reason": "between-thresholds" if kind is Outcome.UNSURE else "",
            "risk": risk,
            "score": risk,
            "gate": None,
            "operating_point": "default",
            "model_name": MODEL["name"],
            "model_version": MODEL["version"],
            "model_sha256": MODEL["sha256"],
            "stand_in": True,
            "simulated": True,
            "backfill": False,
            "notify": True,
            "publication": Publication.QUARANTINED if quarantine else Publication.PUBLISHED,
            "publication_reason": quarantine,
            "processed_key": None if quarantine else f"{pseudonym}/{MODEL['sha256'][:16]}-default.png",
            "anonymised_key": None if quarantine else f"{pseudonym}.png",
            "image_format": "png",
            "image_width": MACHINE.width,
            "image_height": MACHINE.height,
            "acquired_at": None,
            "acquired_local": "2026-01-05T08:00:00",
            "stored_at": taken,
            "received_at": taken + timedelta(seconds=0.25),
            "scored_at": taken + timedelta(seconds=0.75),
        }
        return Result(**(values | changed))


@contextmanager
def open_world(
    folder: Path, endpoint: str, name: str, *, tables: Path | None = None, database_url: str = ""
) -> Iterator[World]:
    """Buckets whose names begin with `name`, in the S3 server at `endpoint`, and a database with its tables.

    The database is at `database_url`, else SQLite in `folder`. `tables` is an SQLite file that has the tables and
    nothing in them, to be copied: making them takes longer.
    """
    settings = StoreSettings(
        endpoint=endpoint,
        region="us-east-1",
        sources=(f"{name}-xray",),
        processed=f"{name}-processed",
        anonymised=f"{name}-anonymised",
        access_key=SECRETS["access"],
        secret_key=SECRETS["secret"],
    )
    if tables is not None:
        shutil.copy(tables, folder / "results.sqlite")
    keys = Keys(SECRETS["identity"].encode(), SECRETS["pseudonym"].encode())
    world = World(folder, settings, keys, database_url or f"sqlite:///{folder}/results.sqlite")
    for bucket in (*settings.sources, settings.processed, settings.anonymised):
        world.store._client.create_bucket(Bucket=bucket)
    if tables is None:
        migrate(world.engine)
    world.write_state()
    try:
        yield world
    finally:
        world.engine.dispose()


def picture(mode: str) -> bytes:
    """An output of the pipeline, as PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient("L").convert(mode).save(file, "PNG")
    return file.getvalue()


def moment(text: str) -> datetime:
    """A UTC time of a test."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
