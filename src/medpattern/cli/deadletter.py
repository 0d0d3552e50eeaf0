"""`medpattern deadletter`: the dead letter sink."""

from __future__ import annotations

from medpattern.cli import stages
from medpattern.cli.stages import Host, Port


def deadletter(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Take in events that were given up, and keep them sealed in the dead letter topic.

    POST / takes a CloudEvent and answers 202 once the topic has it, 503 while Kafka is away. Settings come from
    MEDPATTERN_* variables; docs/pipeline/dead-letters.md lists them.

    Example: MEDPATTERN_KAFKA_BOOTSTRAP=kafka:9092 ... medpattern deadletter --port 8081
    """
    env = stages.begin()
    from medpattern.pipeline.deadletters.settings import SinkSettings

    settings = SinkSettings.read(env)
    from medpattern.pipeline.deadletters.sink import Sink
    from medpattern.pipeline.http.server import listen, serve

    serve(Sink(settings).app(), listen(host, port))
