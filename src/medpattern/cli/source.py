"""`medpattern source`: delivers what is in the topic."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from medpattern.cli import stages
from medpattern.pipeline.source.words import Growth, Ordering, Start


def _option(setting: str, text: str, **more: Any) -> Any:
    return typer.Option(envvar=f"MEDPATTERN_{setting}", help=text, **more)


_DURATION = {"metavar": "DURATION"}


def source(
    topic: Annotated[str, _option("INPUT_TOPIC", "The topic of notifications.")],
    sink: Annotated[str, _option("SINK", "Where events go: medpattern serve.", metavar="URL")],
    dead_letter_sink: Annotated[
        str, _option("DEAD_LETTER_SINK", "Where what was refused goes: medpattern deadletter.", metavar="URL")
    ],
    group: Annotated[
        str, _option("SOURCE_GROUP", "The consumer group; it keeps the place in the topic.")
    ] = "risk-assessment",
    ordering: Annotated[
        Ordering, _option("SOURCE_ORDERING", "ordered: one record of a partition at a time.")
    ] = Ordering.UNORDERED,
    concurrency: Annotated[int, _option("SOURCE_CONCURRENCY", "Requests at the same time.", min=1, max=256)] = 8,
    retry: Annotated[
        int, _option("SOURCE_RETRY", "How often after 5xx, 404, 408, 409, 429 or no answer.", min=0, max=100)
    ] = 4,
    backoff_delay: Annotated[
        str, _option("SOURCE_BACKOFF_DELAY", "What the pauses between tries are made of; ISO 8601.", **_DURATION)
    ] = "PT2S",
    backoff_policy: Annotated[Growth, _option("SOURCE_BACKOFF_POLICY", "How they grow.")] = Growth.EXPONENTIAL,
    timeout: Annotated[str, _option("SOURCE_TIMEOUT", "How long an answer may take; ISO 8601.", **_DURATION)] = "PT60S",
    namespace: Annotated[str, _option("SOURCE_NAMESPACE", "Stands in ce-source.")] = "medpattern",
    name: Annotated[str, _option("SOURCE_NAME", "Stands in ce-source.")] = "xray-images",
    initial_offset: Annotated[Start, _option("SOURCE_INITIAL_OFFSET", "Where a new group begins.")] = Start.EARLIEST,
    host: stages.Host = "127.0.0.1",
    metrics_port: stages.MetricsPort = 0,
) -> None:
    """Deliver the records of a topic over HTTP, as a Knative KafkaSource does.

    Each record goes as a binary CloudEvent. Offsets are committed after 2xx only. While the sink, or what it
    depends on, is away, events are held back and not counted as failed.

    Example: medpattern source --topic images --sink http://127.0.0.1:8080 --dead-letter-sink http://127.0.0.1:8081
    """
    env = stages.begin()
    from medpattern.pipeline.settings import KafkaSettings
    from medpattern.pipeline.source import settings as told
    from medpattern.pipeline.source.run import run

    delivery = told.DeliveryPolicy(
        retry=retry,
        delay=told.duration(backoff_delay),
        growth=backoff_policy,
        timeout=told.duration(timeout),
        most_breaks=env.integer("MEDPATTERN_SOURCE_MOST_BREAKS", 10, 1, 1000),
    )
    found = told.SourceSettings(
        kafka=KafkaSettings.read(env),
        topic=topic,
        group=group,
        sink=told.Target.read(sink),
        dead_letter_sink=told.Target.read(dead_letter_sink),
        namespace=namespace,
        name=name,
        ordering=ordering,
        concurrency=concurrency,
        start=initial_offset,
        delivery=delivery,
        session=env.number("MEDPATTERN_SOURCE_SESSION_SECONDS", 10, 1, 300),
        sink_ca=env.text("MEDPATTERN_SINK_CA", ""),
    )
    env.check()
    with stages.until_asked_to_end() as stopping:
        run(found, stopping, host, metrics_port)
