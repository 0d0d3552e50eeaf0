"""`medpattern report` and `medpattern verdict`: what a reader gets, and what a reader says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, stages
from medpattern.errors import UsageError
from medpattern.pipeline.reports.verdicts import LONGEST_COMMENT, Opinion

if TYPE_CHECKING:
    from sqlalchemy import Engine


def report(
    name: Annotated[
        str, typer.Argument(metavar="RESULT|PSEUDONYM", help="A result's id, or the pseudonym of an image or patient.")
    ],
    pinned: Annotated[
        str,
        typer.Option(
            "--model-sha256",
            metavar="SHA256",
            envvar="MEDPATTERN_MODEL_SHA256",
            help="The model whose results count; for an image that it has not scored, the newest result counts.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Print a result as FHIR R4 DiagnosticReport; several results of a patient as a Bundle of them.

    Preliminary until a reader's verdict stands; no identity in it, pseudonyms alone.

    Example: medpattern report zu4hql7oc3o5s4dzxqyvmd7yb2cfrzpg
    """
    from medpattern.pipeline.database.verdicts import find_results, verdicts_of
    from medpattern.pipeline.reports.fhir import collection, diagnostic_report

    engine = _engine()
    found = find_results(engine, name, pinned)
    if not found:
        raise UsageError(f"no result, image or patient is named {name!r}")
    verdicts = verdicts_of(engine, [result.result_id for result in found])
    reports = [diagnostic_report(result, verdicts.get(result.result_id, ())) for result in found]
    console.data_json(reports[0] if len(reports) == 1 else collection(reports))


def verdict(
    result: Annotated[str, typer.Argument(metavar="RESULT", help="The result's id.")],
    opinion: Annotated[Opinion, typer.Argument(help="Whether the reader finds what the model found.")],
    reader: Annotated[str, typer.Option(metavar="NAME", help="Who read the image.")],
    comment: Annotated[
        str, typer.Option(metavar="TEXT", help=f"At most {LONGEST_COMMENT} characters; no patient's name.")
    ] = "",
) -> None:
    """Append a reader's verdict to a result, whose report becomes final. The result itself stays as it was.

    Example: medpattern verdict 3f5c... disagree --reader dr.osei --comment "Old scar, no infiltrate."
    """
    from medpattern.pipeline.clock import rfc3339
    from medpattern.pipeline.database.verdicts import add_verdict
    from medpattern.pipeline.reports.verdicts import NewVerdict

    given = NewVerdict(opinion, reader, comment)
    stored = add_verdict(_engine(), result, given)
    if stored is None:
        raise UsageError(f"there is no result {result!r}; its id stands in the report, in mails and in the results API")
    console.say(f"{stored.opinion} by {stored.reader} at {rfc3339(stored.given)}")


def _engine() -> Engine:
    from medpattern.pipeline.settings import read_database_url

    environment = stages.begin()
    url = read_database_url(environment)
    environment.check()
    from medpattern.pipeline.database.engine import open_engine

    return open_engine(url, connections=1)
