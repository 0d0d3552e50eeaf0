"""The page of one result: every column, its pictures, what was sent of it; made on the server, without a script."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from medpattern.dashboard.snapshot import withheld
from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import notifications, outbox
from medpattern.pipeline.database.verdicts import read_result, verdicts_of
from medpattern.pipeline.events.results import STATEMENT, Result
from medpattern.pipeline.reports.fhir import diagnostic_report

if TYPE_CHECKING:
    from jinja2 import Template

_PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that tells staff of the result: where to, and what became of it."""

    channel: str
    state: str
    attempts: int
    ended: datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A result with what happened to it afterwards; `published` is when its event was in the topic."""

    result: Result
    published: datetime | None
    duplicates: int
    sendings: tuple[Sending, ...]


def read_detail(engine: Engine, result_id: str) -> Detail | None:
    """The result of that id and what belongs to it, None where there is none.

    Raises:
        Unavailable: the database is away.
    """
    result = read_result(engine, result_id)
    if result is None:
        return None
    event = select(outbox.c.published_at, outbox.c.duplicates).where(outbox.c.result_id == result_id)
    columns = notifications.c
    sent = select(columns.channel, columns.state, columns.attempts, columns.ended_at, columns.problem)
    with answers(), engine.begin() as connection:
        published, duplicates = connection.execute(event).first() or (None, 0)
        rows = connection.execute(sent.where(columns.result_id == result_id).order_by(columns.notification_id))
        return Detail(result, published, duplicates, tuple(Sending(*row) for row in rows))


def render_detail(detail: Detail) -> str:
    """The page, as HTML; every text in it is escaped."""
    result = detail.result
    return _template("result.html").render(
        result=result,
        statement=STATEMENT,
        withheld=withheld(result.publication, result.publication_reason),
        rows=[(field.name, shown(getattr(result, field.name))) for field in fields(result)],
        published=shown(detail.published),
        duplicates=detail.duplicates,
        sendings=[
            (sending.channel, sending.state, sending.attempts, shown(sending.ended), sending.problem)
            for sending in detail.sendings
        ],
    )


def render_problem(title: str, text: str) -> str:
    """A page that says why there is none."""
    return _template("problem.html").render(title=title, text=text)


def read_report(engine: Engine, result_id: str) -> dict[str, Any] | None:
    """The FHIR DiagnosticReport of a result, None where there is no such result."""
    result = read_result(engine, result_id)
    if result is None:
        return None
    return diagnostic_report(result, verdicts_of(engine, [result_id]).get(result_id, ()))


def shown(value: object) -> str:
    """A column's value for people: "" for none, yes or no, times in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return rfc3339(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template(name)
