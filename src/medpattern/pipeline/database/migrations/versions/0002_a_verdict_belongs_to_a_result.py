"""A verdict belongs to a result.

The database itself holds a result while its verdict goes in. Before, the program did with SELECT ... FOR SHARE, for
which PostgreSQL wants the right to change results.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the foreign key; SQLite, which cannot, copies the table."""
    with op.batch_alter_table("verdicts") as table:
        table.create_foreign_key(
            op.f("fk_verdicts_result_id_results"), "results", ["result_id"], ["result_id"], ondelete="CASCADE"
        )
