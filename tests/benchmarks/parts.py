"""The parts of the chain, each measured alone: what an image costs where nothing else is at work.

A part's cost is that of its servers and of the code that asks them, which runs here in this process. Who merely
brings the films (the machine that stores them, whoever posts notifications) costs nothing, as in the chain.
"""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.standing import Lease
from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.events.results import Outcome, Publication, Result
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.local import stages
from medpattern.pipeline.local.preparation import TOPICS, make_topics
from medpattern.pipeline.local.processes import Stage, wait_ready
from medpattern.pipeline.local.settings import Place, RunSettings
from medpattern.pipeline.settings import KafkaSettings, StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from tests.benchmarks import load
from tests.benchmarks.chain import RealServers, idle_shares
from tests.benchmarks.cold import notification
from tests.benchmarks.processor import cpu_seconds
from tests.benchmarks.throughput import Floor
from tests.real.servers.ceph import REGION
from tests.real.servers.names import unique, unique_identifier

CONCURRENCY = 4
SETTLED_SECONDS = 120.0


@dataclass(frozen=True)
class Parts:
    """A place of its own on the servers. Every method returns CPU milliseconds per image, over `count` images."""

    servers: RealServers
    place: Place
    store: ObjectStore
    films: Sequence[bytes]
    count: int
    idle: Mapping[str, float]
    etags: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, servers: RealServers, folder: Path, films: Sequence[bytes], count: int) -> Parts:
        """Buckets, topics and tables for the parts."""
        ceph, kafka = servers.ceph, servers.kafka
        database = servers.postgres.new_database(unique_identifier("parts"))
        wanted = RunSettings(s3=ceph.url, kafka=kafka.bootstrap, database=database.url, name=unique("parts"))
        place = Place.make(folder, wanted)
        buckets = [place.bucket(what) for what in ("source", "processed", "anonymised")]
        for bucket in buckets:
            ceph.s3().create_bucket(Bucket=bucket)
        migrate(open_engine(database.url))
        make_topics(KafkaSettings(kafka.bootstrap), {place.topic(what): number for what, number in TOPICS.items()})
        account = ceph.account
        settings = StoreSettings(
            ceph.url, REGION, (buckets[0],), buckets[1], buckets[2], account.access_key, account.secret_key
        )
        return cls(servers, place, ObjectStore(settings), films, count, idle_shares(servers.pids()))

    def measured(self, model: Path, folder: Path) -> dict[str, float]:
        """Every part by its name. `folder` holds the films as files."""
        return {
            "film stored in Ceph": self._stored(),
            "film fetched, two images stored": self._fetched(),
            "notification: bridge, Kafka": self._bridged(),
            "delivery by the source": self._delivered(),
            "decode, resize, run (bare loop)": self._scored(model, folder),
            "remover of burned-in text": self._removed(),
            "two PNGs (Pillow)": self._encoded(),
            "lease, result, event's row in PostgreSQL": self._recorded(),
            "result's event in Kafka": self._published(),
        }

    def _cost(self, work: Callable[[], object], *servers: str, pids: Sequence[int] = (), own: bool = False) -> float:
        """What `work` costs at the named servers, at the processes `pids`, and with `own` in this process too."""
        asked = [pid for server in servers for pid in self.servers.pids()[server]]
        begun, mine, before = time.monotonic(), time.process_time(), cpu_seconds(*asked, *pids)
        work()
        spent = cpu_seconds(*asked, *pids) - before + (time.process_time() - mine if own else 0)
        idle = (time.monotonic() - begun) * sum(self.idle[server] for server in servers)
        return 1000 * (spent - idle) / self.count

    def _stored(self) -> float:
        s3, bucket = self.servers.ceph.s3(), self.place.bucket("source")

        def store() -> None:
            for number in range(self.count):
                data = self.films[number % len(self.films)]
                self.etags.append(s3.put_object(Bucket=bucket, Key=f"{number}.jpg", Body=data)["ETag"].strip('"'))

        s3.list_buckets()
        return self._cost(store, "Ceph")

    def _fetched(self) -> float:
        source = self.place.bucket("source")
        images = [_pngs(film) for film in self.films]

        def exchange() -> None:
            for number, etag in enumerate(self.etags):
                self.store.fetch(StoredObject(source, f"{number}.jpg", "", etag, 1, None), 1 << 26)
                for what, data in zip(("anonymised", "processed"), images[number % len(images)], strict=True):
                    self.store.put(self.place.bucket(what), f"{number}.png", data, "image/png")

        self.store.check([source])
        return self._cost(exchange, "Ceph", own=True)

    def _bridged(self) -> float:
        port = self.place.ports["bridge"]
        requests = [load.request("/", self._notification(number)) for number in range(self.count)]
        with _stage(self.place, self.servers, "bridge") as pid:
            load.run(port, requests, CONCURRENCY, CONCURRENCY)
            return self._cost(lambda: load.run(port, requests, self.count, CONCURRENCY), "Kafka", pids=[pid])

    def _delivered(self) -> float:
        """The source is suspended while the topic fills, so that Kafka's part in that is not counted again."""
        with _Sink(self.place.ports["service"]) as sink, _stage(self.place, self.servers, "source") as pid:
            sink.wait(self.count + CONCURRENCY)  # what the bridge has left in the topic
            os.kill(pid, signal.SIGSTOP)
            with _producer(self.servers) as producer:
                texts = [(None, self._notification(number), ()) for number in range(self.count)]
                producer.send_all(self.place.topic("images"), texts)

            def deliver() -> None:
                os.kill(pid, signal.SIGCONT)
                sink.wait(self.count)

            return self._cost(deliver, "Kafka", pids=[pid])

    def _scored(self, model: Path, folder: Path) -> float:
        with Floor(model, folder, "--whole") as floor:
            return floor.run(1, self.count).cpu_ms

    def _removed(self) -> float:
        remover = BurnedInTextRemover()
        images = [np.asarray(_grey(film)) for film in self.films]
        return self._cost(lambda: [remover.deidentify(images[n % len(images)]) for n in range(self.count)], own=True)

    def _encoded(self) -> float:
        def encode() -> None:
            for number in range(self.count):
                _pngs(self.films[number % len(self.films)])

        def decode() -> None:
            for number in range(self.count):
                _grey(self.films[number % len(self.films)])

        return self._cost(encode, own=True) - self._cost(decode, own=True)

    def _recorded(self) -> float:
        database = open_engine(self.place.settings.database)
        results = Results(database)
        rows = [self._result(number) for number in range(-1, self.count)]

        def record(row: Result) -> None:
            lease = results.begin(row.result_id, row.image_id, "benchmark")
            assert isinstance(lease, Lease)
            results.commit(row, lease, row.event().data.decode())
            results.published([row.result_id])

        record(rows[0])
        return self._cost(lambda: list(map(record, rows[1:])), "PostgreSQL", own=True)

    def _published(self) -> float:
        topic = self.place.topic("results")
        events = [self._result(number).event() for number in range(self.count)]
        with _producer(self.servers) as producer:
            producer.open([topic])

            def publish() -> None:
                for event in events:
                    producer.send(topic, event.data, key=event.id, headers=event.kafka_headers())

            return self._cost(publish, "Kafka", own=True)

    def _notification(self, number: int) -> bytes:
        return notification(self.place.bucket("source"), f"{number}.jpg", self.etags[number])

    def _result(self, number: int) -> Result:
        now, name = datetime.now(UTC), f"{number + 1:064x}"
        texts = {"result_id": name, "image_id": name, "image_pseudonym": name[-26:], "patient_pseudonym": None}
        model = {"model_name": "stand-in", "model_version": "1", "model_sha256": name, "stand_in": True}
        images = {"processed_key": f"{name}/default.png", "anonymised_key": f"{name}.png", "image_format": "jpeg"}
        times = {"acquired_at": None, "acquired_local": None, "stored_at": now, "received_at": now, "scored_at": now}
        return Result(
            **texts,  # type: ignore[arg-type]
            **model,  # type: ignore[arg-type]
            **images,  # type: ignore[arg-type]
            **times,  # type: ignore[arg-type]
            source_bucket=self.place.bucket("source"),
            outcome=Outcome.NORMAL,
            reason="",
            risk=0.1,
            score=0.1,
            gate=0.9,
            operating_point="default",
            simulated=False,
            backfill=False,
            notify=True,
            publication=Publication.PUBLISHED,
            publication_reason="",
            image_width=480,
            image_height=480,
        )


def _grey(film: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(film))
    image.load()
    return image


def _pngs(film: bytes) -> tuple[bytes, bytes]:
    """The film as two PNGs, compressed as the chain compresses an anonymised and a processed image."""
    image, found = _grey(film), []
    for _ in range(2):
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=6, compress_type=zlib.Z_RLE)
        found.append(file.getvalue())
    return found[0], found[1]


@contextmanager
def _stage(place: Place, servers: RealServers, name: str) -> Iterator[int]:
    """The process id of one stage, alone and ready."""
    (spec,) = [spec for spec in stages.pipeline(place, servers.kafka.bootstrap) if spec.name == name]
    stage = Stage(spec, place.folder / "logs")
    stage.start()
    try:
        wait_ready([stage], 60)
        assert stage.pid is not None
        yield stage.pid
    finally:
        stage.end(5)


@contextmanager
def _producer(servers: RealServers) -> Iterator[Producer]:
    made = Producer(KafkaSettings(servers.kafka.bootstrap))
    try:
        yield made
    finally:
        made.close()


class _Sink:
    """Answers every POST with 200 at once, and counts."""

    def __init__(self, port: int) -> None:
        self._arrived = threading.Semaphore(0)
        arrived = self._arrived

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                arrived.release()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        self._server.daemon_threads = True

    def __enter__(self) -> _Sink:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, count: int) -> None:
        """Returns once `count` more requests have come."""
        for _ in range(count):
            assert self._arrived.acquire(timeout=SETTLED_SECONDS), "the source delivers no more"
