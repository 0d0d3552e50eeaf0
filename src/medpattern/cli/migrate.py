"""`medpattern migrate`: the tables of the results' database."""

from __future__ import annotations

from medpattern.cli import console
from medpattern.cli.stages import begin


def migrate() -> None:
    """Makes the tables of the results' database, or brings them up to date; run as a job, before the services.

    The database is that of MEDPATTERN_DATABASE_URL_FILE. Two at once wait for each other; a second run changes
    nothing.

    Example: MEDPATTERN_DATABASE_URL_FILE=/etc/medpattern/database/url medpattern migrate
    """
    env = begin()
    from medpattern.pipeline.database.engine import open_engine
    from medpattern.pipeline.database.migrate import migrate as bring
    from medpattern.pipeline.settings import read_database_url

    url = read_database_url(env)
    env.check()
    before, after = bring(open_engine(url))
    console.data(f"revision {after}" + ("" if before == after else f", was {before or 'none'}"))
