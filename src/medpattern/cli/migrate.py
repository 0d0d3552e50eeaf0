"""`medpattern migrate`: the tables of the results' database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.stages import begin
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.database.roles import Role


def migrate(
    grants: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            metavar="PROGRAM[=ROLE]",
            help="Give a role of the database exactly what PROGRAM needs (service, notify, dead-letters, results-api, "
            "housekeeping, grafana, or all). ROLE is medpattern_PROGRAM by default. May be repeated.",
        ),
    ] = None,
) -> None:
    """Makes the tables of the results' database, or brings them up to date; run as a job, before the services.

    The database is that of MEDPATTERN_DATABASE_URL_FILE. Two at once wait for each other; a second run changes
    nothing. Roles are made elsewhere, with their passwords; rights that a role has beyond its program's are taken.

    Example: MEDPATTERN_DATABASE_URL_FILE=/etc/medpattern/database/url medpattern migrate --grant all
    """
    env = begin()
    from medpattern.pipeline.database.engine import open_engine
    from medpattern.pipeline.database.migrate import migrate as bring
    from medpattern.pipeline.database.roles import grant
    from medpattern.pipeline.settings import read_database_url

    url = read_database_url(env)
    env.check()
    names = _named(grants or [])
    engine = open_engine(url)
    before, after = bring(engine)
    console.data(f"revision {after}" + ("" if before == after else f", was {before or 'none'}"))
    if names:
        grant(engine, names)
        console.data("granted: " + ", ".join(f"{role} to {name}" for role, name in names.items()))


def _named(grants: Sequence[str]) -> dict[Role, str]:
    """Programs and the roles of the database that are named for them."""
    from medpattern.pipeline.database.roles import Role

    found: dict[Role, str] = {}
    for text in grants:
        program, _, name = text.partition("=")
        if program == "all" and not name:
            found = {role: role.default_name for role in Role} | found
            continue
        if program not in {role.value for role in Role}:
            raise UsageError(f"--grant {text}: {program!r} is no program; one of {', '.join(Role)} or all is wanted")
        found[Role(program)] = name or Role(program).default_name
    return found
