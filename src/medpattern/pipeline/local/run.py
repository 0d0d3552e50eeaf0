"""`medpattern run`: all stages on one machine, from the first film to the last outcome."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medpattern.errors import MedpatternError
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.kafka.reader import Reader
from medpattern.pipeline.local import stages
from medpattern.pipeline.local.books import Books
from medpattern.pipeline.local.preparation import TOPICS, make_buckets, make_topics, notify_bridge, prepare_database
from medpattern.pipeline.local.processes import Stage, StageSpec, wait_ready
from medpattern.pipeline.local.settings import Place, RunSettings, free_ports
from medpattern.pipeline.local.summary import Summary
from medpattern.pipeline.model.predictor import Predictor
from medpattern.pipeline.model.shipped import shipped
from medpattern.pipeline.service.settings import ModelSettings
from medpattern.pipeline.settings import Environment, KafkaSettings, StoreSettings, required_keys
from medpattern.pipeline.store.objects import ObjectStore

_TICK_SECONDS = 0.2
_LOOK_SECONDS = 1.0
# How long nothing may move until the run gives up waiting for the rest, and how long Ctrl-C leaves for it.
_STALLED_SECONDS = 180.0
_HURRY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What a person is told while it runs."""

    phase: str
    stored: int
    open: int
    expected: int | None
    page: str
    problem: str


Report = Callable[[Moment], None]


@dataclass
class LocalRun:
    """One run. `report` hears of it a few times a second."""

    settings: RunSettings
    folder: Path
    report: Report
    _stages: list[Stage] = field(default_factory=list)
    _phase: str = "starting"
    _page: str = ""
    _books: Books | None = None
    _interrupts: int = 0
    _model: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Summary:
        """Starts everything, waits for all outcomes, ends everything in order; the summary of it.

        Raises:
            StageFailedError: a stage does not start or keeps dying.
            UsageError: the folder or the database is not empty.
        """
        place = Place.make(self.folder, self.settings)
        before = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start(place)
            self._watch()
            return self._end()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupt(self, *_: object) -> None:
        self._interrupts += 1
        if self._interrupts > 1:
            raise KeyboardInterrupt

    def _launch(self, *specs: StageSpec, seconds: float = 60) -> None:
        started = [Stage(spec, self.folder / "logs") for spec in specs]
        for stage in started:
            self._stages.append(stage)
            stage.start()
        self._tell()
        wait_ready(started, seconds)

    def _start(self, place: Place) -> None:
        bootstrap = self._start_servers(place)
        environment = place.environment(bootstrap)
        os.environ |= {name: environment[name] for name in ("NO_PROXY", "no_proxy")}
        env = Environment(environment)
        store, keys = ObjectStore(StoreSettings.read(env)), required_keys(env)
        kafka = KafkaSettings.read(env)
        env.check()
        engine = open_engine((self.folder / "keys" / "database-url").read_text(encoding="utf-8"))
        prepare_database(engine)
        make_buckets(store, [place.bucket(what) for what in ("source", "processed", "anonymised")])
        make_topics(kafka, {place.topic(what): partitions for what, partitions in TOPICS.items()})
        self._launch(*stages.pipeline(place, bootstrap))
        notify_bridge(store, place.bucket("source"), place.topic("images"), place.url("bridge"))
        self._model = _described_model(env)
        notified = Reader(kafka, place.topic("results"), place.topic("notification"))
        producer = Producer(kafka)
        self._books = Books(store, engine, keys, producer, notified, place.bucket("source"), place.topic("images"))
        self._start_page(place)
        self._phase = "running"
        self._launch(stages.machine(place))

    def _start_servers(self, place: Place) -> str:
        if not self.settings.kafka:
            topics = {place.topic(what): partitions for what, partitions in TOPICS.items()}
            self._launch(stages.broker(place, topics))
        if not self.settings.s3:
            self._launch(stages.object_store(place))
        return self.settings.kafka or _read_when_there(self.folder / "broker.json")["bootstrap"]

    def _start_page(self, place: Place) -> None:
        if self.settings.page_port is None:
            return
        port = self.settings.page_port or free_ports(1)[0]
        self._launch(stages.page(place, port))
        self._page = f"http://127.0.0.1:{port}/"

    def _watch(self) -> None:
        machine, books = self._stages[-1], self._books
        assert books is not None
        looked, moved, last = 0.0, time.monotonic(), (-1, -1)
        while True:
            for stage in self._stages:
                stage.look()
            if time.monotonic() - looked > _LOOK_SECONDS:
                started = time.monotonic()
                books.look()
                # A long listing is taken less often, so that looking costs a tenth at most.
                looked = time.monotonic() + 9 * max(0.0, time.monotonic() - started - 0.1)
                machine.suspend(books.open > self.settings.backlog)
                if (books.stored, books.open) != last:
                    last, moved = (books.stored, books.open), time.monotonic()
                if machine.state == "ended":
                    self._phase = "draining"
                    if books.settled():
                        return
            if self._interrupts and self._phase == "running":
                self._phase, moved = "draining", time.monotonic()
                machine.end()
            patience = _HURRY_SECONDS if self._interrupts else _STALLED_SECONDS
            if machine.pid is None and time.monotonic() - moved > patience:
                return
            self._tell()
            time.sleep(_TICK_SECONDS)

    def _end(self) -> Summary:
        assert self._books is not None
        self._books.look()
        summary = self._books.summary()
        self._phase = "done"
        self._tell(summary)
        while self.settings.keep_open and not self._interrupts:
            self._tell(summary)
            time.sleep(_TICK_SECONDS)
        return summary

    def _stop(self) -> None:
        for stage in reversed(self._stages):
            stage.end()
        if self._books is not None:
            self._books.close()

    def _tell(self, summary: Summary | None = None) -> None:
        books = self._books
        stored, waiting = (books.stored, books.open) if books else (0, 0)
        problem = (books.problem if books else "") or ", ".join(
            f"{stage.spec.name} is down" for stage in self._stages if stage.state == "down"
        )
        state = {
            "phase": self._phase,
            "stored": stored,
            "expected": self.settings.count,
            "embedded": list(self.settings.embedded),
            "model": self._model,
            "stages": [_described(stage) for stage in self._stages],
            "summary": summary.as_json() if summary else None,
        }
        _replace(self.folder / "state.json", state)
        self.report(Moment(self._phase, stored, waiting, self.settings.count, self._page, problem))


def _described(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.spec.name,
        "pid": stage.pid,
        "state": stage.state,
        "restarts": stage.restarts,
        "health": stage.spec.health or None,
    }


def _described_model(env: Environment) -> dict[str, Any]:
    """What the page says of the model; `serve`, which has the same settings, has loaded and checked it by now."""
    settings = ModelSettings.read(env)
    env.check()
    predictor = Predictor.load(settings.path or shipped().path)
    card = predictor.card
    point = card.operating_point(settings.assessment.operating_point)
    return {
        "name": card.name,
        "version": card.version,
        "sha256": predictor.sha256,
        "standIn": card.stand_in,
        "operatingPoint": {"name": point.name, "low": point.low, "high": point.high},
    }


def _replace(path: Path, value: dict[str, Any]) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(value), encoding="utf-8")
    scratch.replace(path)


def _read_when_there(path: Path, seconds: float = 20) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise MedpatternError(f"the embedded broker did not start; its log is in {path.parent / 'logs'}")
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
