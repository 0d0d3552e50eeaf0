"""`medpattern bridge`: notifications over HTTP into Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from medpattern.cli import stages


def bridge(
    topic: Annotated[
        str, typer.Option("--topic", envvar="MEDPATTERN_INPUT_TOPIC", help="The topic of notifications.")
    ],
    path: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="/PATH=TOPIC", envvar="MEDPATTERN_BRIDGE_PATHS", show_default=False,
                     help="A path and its topic; may be repeated. Default: / and /TOPIC."),
    ] = None,
    sns_host: Annotated[
        list[str] | None,
        typer.Option("--sns-host", metavar="HOST:PORT", envvar="MEDPATTERN_BRIDGE_SNS_HOSTS", show_default=False,
                     help="Whose subscriptions are confirmed; may be repeated. Default: nobody's."),
    ] = None,
    host: stages.Host = "127.0.0.1",
    port: stages.Port = 8080,
) -> None:  # fmt: skip
    """Take notifications of an object store over HTTP, and answer 200 once Kafka has them.

    For object stores that cannot reach Kafka. While Kafka is away the answer is 503, which they repeat. The
    socket is held by a parent, so that a bridge that dies means waiting and not refusal.

    Example: medpattern bridge --topic xray-images --port 8080
    """
    env = stages.begin()
    from medpattern.pipeline.bridge.run import run
    from medpattern.pipeline.bridge.settings import BridgeSettings, read_confirmers, read_paths
    from medpattern.pipeline.http.server import listen
    from medpattern.pipeline.settings import KafkaSettings

    settings = BridgeSettings(
        kafka=KafkaSettings.read(env),
        paths=read_paths(topic, path or ()),
        token=env.secret("MEDPATTERN_BRIDGE_TOKEN", ""),
        confirmers=read_confirmers(sns_host or ()),
        most_bytes=env.integer("MEDPATTERN_BRIDGE_MOST_BYTES", 1 << 20, 1024, 1 << 26),
        seconds=env.number("MEDPATTERN_BRIDGE_SECONDS", 5.0, 1.0, 60.0),
    )
    env.check()
    raise typer.Exit(run(settings, listen(host, port)))
