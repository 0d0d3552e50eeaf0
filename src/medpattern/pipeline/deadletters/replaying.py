"""Replay with its edges: the topic is recorded first, then letters are sent."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision
from medpattern.pipeline.deadletters.recorder import Recorder
from medpattern.pipeline.deadletters.replay import Choice, Letters, Replay, Summary
from medpattern.pipeline.deadletters.settings import ReplaySettings
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.kafka.reader import Reader


def replay_letters(settings: ReplaySettings, choice: Choice, *, dry: bool = False) -> Summary:
    """One run of `medpattern replay`; `dry` changes and sends nothing.

    Raises:
        Unavailable: Kafka or the database is away, or refuses; what was done stays done.
    """
    engine = open_engine(settings.database_url, connections=1)
    producer = Producer(settings.kafka)
    work = Replay(Letters(engine), producer, settings.seal, settings.topic, settings.topics)
    try:
        check_revision(engine)
        producer.open([settings.topic, *settings.topics])
        with closing(Reader(settings.kafka, settings.topic, settings.group)) as reader:
            if dry:
                return replace(work.run(choice, dry=True), unrecorded=reader.unread())
            recorded = reader.read_rest(Recorder(engine, work.forget).handle)
        return replace(work.run(choice), recorded=recorded)
    finally:
        producer.close()
        engine.dispose()
