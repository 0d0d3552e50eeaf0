"""The whole chain on real servers: Ceph -> bridge -> Kafka -> source -> service -> PostgreSQL, results topic, messages.

The stages are those of `medpattern run`, as processes of their own, restarted when they die. Unlike a run nothing
compares bucket and results here: what is not lost is owed to the delivery alone. RGW of Debian has no Kafka
endpoint, so its notifications go over HTTP through the bridge.
"""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from medpattern.pipeline.database.accounting import Accounts, accounts
from medpattern.pipeline.database.engine import answers, open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import dead_letters, outbox, results, superseded
from medpattern.pipeline.failures import PipelineError
from medpattern.pipeline.identity import Keys, ObjectVersion
from medpattern.pipeline.local import stages
from medpattern.pipeline.local.preparation import TOPICS, make_topics
from medpattern.pipeline.local.processes import Stage, wait_ready
from medpattern.pipeline.local.settings import Place, RunSettings
from medpattern.pipeline.local.summary import unsent
from medpattern.pipeline.settings import KafkaSettings
from medpattern.pipeline.simulation.machine import MachineSettings, phantom_image
from tests.pipeline.model import STAND_IN
from tests.real.servers.ceph import REGION, Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.postgres import Database, Postgres

FILMS = 16
_SETTLED_SECONDS = 240.0


@cache
def film(number: int) -> tuple[bytes, str]:
    """One of a few small films, and its content type; the chain cares for the object's name, not for its bytes."""
    formats = ("png", "jpeg", "dicom")
    settings = MachineSettings(
        seed=11, formats={formats[number % 3]: 1.0}, height=192, width=192, deep=0, burned_in=0, bucket="any"
    )  # type: ignore[dict-item]
    image = phantom_image(settings, number)
    return image.data, image.content_type


@dataclass
class Upload:
    """What the store acknowledged: each is owed an outcome."""

    acknowledged: list[ObjectVersion] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What a test saw, for the table of docs/faults.md. `seconds`: from the last stored image to the last outcome."""

    images: int
    books: Accounts
    repeated_events: int
    seconds: float


class Chain:
    """The stages on the given servers. Used as a context manager; `look` keeps the stages alive."""

    def __init__(
        self, folder: Path, ceph: Ceph, kafka: Kafka, postgres: Postgres, database: Database, bucket: str, **more: Any
    ) -> None:
        """`more`: `stage_environment` by stage's name, and settings of the run."""
        self.ceph, self.kafka, self.postgres, self.bucket = ceph, kafka, postgres, bucket
        self._more: Mapping[str, Mapping[str, str]] = more.pop("stage_environment", {})
        settings = RunSettings(s3=ceph.url, kafka=kafka.bootstrap, database=database.url, page_port=None, name=bucket)
        self.place = Place.make(folder, replace(settings, **more))
        self.engine: Engine = open_engine(database.url)
        keys = folder / "keys"
        self.keys = Keys((keys / "identity").read_bytes(), (keys / "pseudonym").read_bytes())
        self.stages: dict[str, Stage] = {}
        self.row: Row | None = None
        self._stored_at = 0.0

    def __enter__(self) -> Chain:
        s3 = self.ceph.s3()
        for what in ("processed", "anonymised"):
            s3.create_bucket(Bucket=self.place.bucket(what))
        migrate(self.engine)
        topics = {self.place.topic(what): partitions for what, partitions in TOPICS.items()}
        make_topics(KafkaSettings(self.kafka.bootstrap), topics)
        for spec in stages.pipeline(self.place, self.kafka.bootstrap):
            environment = dict(spec.environment) | self._credentials() | dict(self._more.get(spec.name, {}))
            self.stages[spec.name] = Stage(replace(spec, environment=environment), self.place.folder / "logs")
        for stage in self.stages.values():
            stage.start()
        wait_ready(self.stages.values(), 90)
        self.ceph.subscribe(self.bucket, self.place.url("bridge"), persistent=True)
        return self

    def __exit__(self, *_: object) -> None:
        for stage in reversed(self.stages.values()):
            stage.end(5)
        self.engine.dispose()

    def _credentials(self) -> dict[str, str]:
        account = self.ceph.account
        return {
            "AWS_ACCESS_KEY_ID": account.access_key,
            "AWS_SECRET_ACCESS_KEY": account.secret_key,
            "MEDPATTERN_S3_REGION": REGION,
            # The chart's buckets are three of one store; here the source is the test's own.
            "MEDPATTERN_SOURCE_BUCKET": self.bucket,
            "MEDPATTERN_SIMULATED_BUCKETS": self.bucket,
            # Its gate lets drawn films pass without a mark, and some of them count as pneumonia: so messages go out.
            "MEDPATTERN_MODEL": str(STAND_IN),
        }

    def look(self) -> None:
        """Starts again what has died, as a kubelet would."""
        for stage in self.stages.values():
            stage.look()

    def kill(self, name: str) -> None:
        """SIGKILL a stage, or the child that answers for it where it has one."""
        pid = self.stages[name].pid
        assert pid is not None
        child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child[0]) if child else pid, signal.SIGKILL)

    def upload(self, count: int, *, threads: int = 6, poison: Callable[[int], bool] = lambda _: False) -> PendingUpload:
        """Stores `count` films, each under a key of its own, from threads; refused ones are tried again."""
        return PendingUpload(self, count, threads, poison)

    def put(self, s3: Any, key: str, data: bytes, kind: str = "image/png") -> ObjectVersion:
        """Stores one object; the version that was acknowledged."""
        answer = s3.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=kind)
        return ObjectVersion(self.bucket, key, answer.get("VersionId") or answer["ETag"].strip('"'))

    def settle(self, upload: Upload, seconds: float = _SETTLED_SECONDS) -> None:
        """Waits until each acknowledged version has an outcome and nothing waits to be sent."""
        wanted = {self.keys.image_id(version) for version in upload.acknowledged}
        self._stored_at = self._stored_at or time.monotonic()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            try:
                if not wanted - self.outcomes().keys() and unsent(self.engine) == 0:
                    return
            except PipelineError:
                pass
            time.sleep(0.3)
        missing = len(wanted - self.outcomes().keys())
        words = "\n".join(f"{name}: {stage.last_words()}" for name, stage in self.stages.items())
        raise AssertionError(f"{missing} of {len(wanted)} images have no outcome after {seconds:.0f} s\n{words}")

    def outcomes(self) -> dict[str, str]:
        """The outcome of each image that has one: result, superseded or dead letter, in this order."""
        with answers(), self.engine.begin() as connection:
            found = {image: "dead letter" for image in connection.scalars(select(dead_letters.c.image_id)) if image}
            found |= dict.fromkeys(connection.scalars(select(superseded.c.image_id)), "superseded")
            return found | dict.fromkeys(connection.scalars(select(results.c.image_id)), "result")

    def accounts(self) -> Accounts:
        """The books."""
        return accounts(self.engine)

    def published(self) -> Counter[str]:
        """How often each result's event stands in the results topic; a repeat must be the same bytes."""
        from confluent_kafka import Consumer, TopicPartition

        topic = self.place.topic("results")
        ends = self.kafka.end_offsets(topic)
        reader = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap, "group.id": f"{topic}-test", "enable.auto.commit": False}
        )
        reader.assign([TopicPartition(topic, partition, 0) for partition in ends])
        left, seen, texts = sum(ends.values()), Counter[str](), {}
        while left:
            message = reader.poll(10)
            assert message is not None
            assert message.error() is None
            left -= 1
            seen[message.key().decode()] += 1
            assert texts.setdefault(message.key(), message.value()) == message.value()
        reader.close()
        return seen

    def verify(self, upload: Upload) -> Accounts:
        """The contract: each stored version has one outcome, each result one row and at least one event."""
        outcomes = self.outcomes()
        for version in upload.acknowledged:
            assert self.keys.image_id(version) in outcomes
        with self.engine.begin() as connection:
            ids = list(connection.scalars(select(results.c.result_id)))
            images = list(connection.scalars(select(results.c.image_id)))
            waiting = list(connection.scalars(select(outbox.c.result_id).where(outbox.c.published_at.is_(None))))
        assert len(ids) == len(set(ids)) == len(set(images))
        assert waiting == []
        published = self.published()
        assert set(published) == set(ids)
        books = self.accounts()
        stored = len({self.keys.image_id(version) for version in upload.acknowledged})
        assert books.images == stored
        self.row = Row(stored, books, published.total() - len(ids), time.monotonic() - self._stored_at)
        return books

    def metric(self, stage: str, name: str) -> float:
        """The sum of a metric's samples at a stage."""
        with urllib.request.urlopen(self.place.url(stage, "/metrics"), timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))

    def logs(self) -> Iterable[Path]:
        """What the stages have written."""
        return sorted((self.place.folder / "logs").iterdir())


class PendingUpload:
    """An upload under way; `at(n)` waits, keeping the stages alive, until n versions are acknowledged."""

    def __init__(self, chain: Chain, count: int, threads: int, poison: Callable[[int], bool]) -> None:
        self.upload = Upload()
        self._chain = chain
        self._count = count
        self._pool = ThreadPoolExecutor(threads)
        s3 = [chain.ceph.s3() for _ in range(threads)]
        self._futures: list[Future[None]] = [
            self._pool.submit(self._put, s3[number % threads], number, poison(number)) for number in range(count)
        ]

    def _put(self, s3: Any, number: int, poisoned: bool) -> None:
        data, kind = (f"no image {number}".encode(), "image/png") if poisoned else film(number % FILMS)
        deadline = time.monotonic() + 240
        while True:
            try:
                version = self._chain.put(s3, f"ward {number % 7}/ünïcode+%{number:05d}", data, kind)
            except Exception:
                # As an X-ray machine does: the film waits until the store takes it.
                self.upload.refused += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                self.upload.acknowledged.append(version)
                return

    def at(self, number: int) -> None:
        """Returns once `number` versions are acknowledged."""
        deadline = time.monotonic() + 300
        while len(self.upload.acknowledged) < number:
            self._chain.look()
            assert time.monotonic() < deadline, f"{len(self.upload.acknowledged)} of {number} stored"
            time.sleep(0.05)

    def done(self) -> Upload:
        """The upload when all is stored."""
        self.at(self._count)
        for future in self._futures:
            future.result()
        self._pool.shutdown()
        return self.upload
