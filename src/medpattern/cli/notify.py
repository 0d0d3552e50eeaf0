"""`medpattern notify`: staff are told of results."""

from __future__ import annotations

from typing import Annotated

import typer

from medpattern.cli import console, stages


def notify(
    host: stages.Host = "127.0.0.1",
    metrics_port: stages.MetricsPort = 0,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Make notifications that were given up pending again, and end.")
    ] = False,
) -> None:
    """Tell staff of results, by mail or webhook, until it has arrived.

    Reads the results topic; pneumonia is told, unsure results with MEDPATTERN_NOTIFY_UNSURE=true. Settings come
    from MEDPATTERN_* variables; docs/pipeline/notify.md lists them.

    Example: MEDPATTERN_SMTP_HOST=mail.example.org MEDPATTERN_SMTP_TO=ward@example.org ... medpattern notify
    """
    env = stages.begin()
    from medpattern.pipeline.notification.settings import NotifySettings

    settings = NotifySettings.read(env)
    from medpattern.pipeline.notification import run

    if retry_dead:
        number = run.retry_dead(settings)
        console.data(f"{console.number(number, 'notification')} made pending again")
        return
    with stages.until_asked_to_end() as stopping:
        run.run(settings, stopping, host, metrics_port)
