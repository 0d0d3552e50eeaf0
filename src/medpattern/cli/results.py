"""`medpattern results`: the results API and its page for the ward."""

from __future__ import annotations

from typing import Annotated

import typer

from medpattern.cli import stages
from medpattern.errors import UsageError


def results(
    host: stages.Host = "127.0.0.1",
    port: stages.Port = 8080,
    metrics_port: stages.MetricsPort = 0,
    grace: Annotated[int, typer.Option("--grace", min=1, help="Seconds that requests have to end after TERM.")] = 15,
) -> None:
    """Shows results to the ward and takes readers' verdicts; behind OpenID Connect, never anonymous.

    Worklist, results, images by short addresses, FHIR reports, the original of a pseudonym for those who may. Settings
    come from MEDPATTERN_* variables; docs/pipeline/results.md lists them.

    Example: MEDPATTERN_OIDC_ISSUER=https://login.example.org/realms/ward ... medpattern results --port 8080
    """
    try:
        import jwt  # noqa: F401
    except ImportError:
        raise UsageError("this command needs more libraries: pip install 'medpattern[results]'") from None
    env = stages.begin()
    from medpattern.pipeline.http.health import serve_health
    from medpattern.pipeline.http.server import listen, serve
    from medpattern.pipeline.resultsapi.app import build
    from medpattern.pipeline.resultsapi.settings import ResultsSettings

    settings = ResultsSettings.read(env)
    made = build(settings)
    held = listen(host, port)
    end_health = serve_health(host, metrics_port, lambda: made.readiness.why)
    try:
        serve(made.app, held, grace_seconds=grace, certificate=settings.certificate)
    finally:
        end_health()
