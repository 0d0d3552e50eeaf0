"""`medpattern serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from medpattern.cli.stages import Host, Port, begin


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    grace: Annotated[int, typer.Option("--grace", min=1, help="Seconds that events have to end after TERM.")] = 30,
) -> None:
    """Answers events with results, and predictions.

    The settings are MEDPATTERN_* variables (docs/pipeline.md). Ready as soon as the model has answered its test
    inputs; object store, database and Kafka are opened behind that.

    Example: MEDPATTERN_S3_ENDPOINT=... medpattern serve --port 8080
    """
    env = begin()
    from medpattern.pipeline.http.server import listen
    from medpattern.pipeline.http.server import serve as answer
    from medpattern.pipeline.service.app import build, load_scorer
    from medpattern.pipeline.service.settings import ServiceSettings

    settings = ServiceSettings.read(env)
    held = listen(host, port)
    answer(build(settings, load_scorer(settings.model)), held, grace_seconds=grace)
