"""What Alembic runs: the revisions over the connection that `migrate` hands it."""

from __future__ import annotations

from alembic import context

from medpattern.pipeline.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
