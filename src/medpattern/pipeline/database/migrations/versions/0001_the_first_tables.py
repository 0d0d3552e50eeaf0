"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from medpattern.pipeline.database.schema import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_pseudonym"), "audit", ["pseudonym"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=True),
        sa.Column("image_pseudonym", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=False),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcTime(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("replayed_at", UtcTime(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_image_id"), "dead_letters", ["image_id"], unique=False)
    op.create_index(op.f("ix_dead_letters_image_pseudonym"), "dead_letters", ["image_pseudonym"], unique=False)
    op.create_table(
        "leases",
        sa.Column("result_id", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_image_id"), "leases", ["image_id"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.String(length=80), nullable=False),
        sa.Column("result_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=True),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("problem", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
    )
    op.create_index(op.f("ix_notifications_result_id"), "notifications", ["result_id"], unique=False)
    op.create_index(op.f("ix_notifications_state"), "notifications", ["state"], unique=False)
    op.create_table(
        "results",
        sa.Column("result_id", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("image_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("patient_pseudonym", sa.String(length=64), nullable=True),
        sa.Column("source_bucket", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("risk", sa.Float(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("gate", sa.Float(), nullable=True),
        sa.Column("operating_point", sa.String(length=32), nullable=False),
        sa.Column("model_name", sa.String(length=128), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("stand_in", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("publication", sa.String(length=16), nullable=False),
        sa.Column("publication_reason", sa.String(length=64), nullable=False),
        sa.Column("processed_key", sa.String(length=255), nullable=True),
        sa.Column("anonymised_key", sa.String(length=255), nullable=True),
        sa.Column("image_format", sa.String(length=16), nullable=False),
        sa.Column("image_width", sa.Integer(), nullable=False),
        sa.Column("image_height", sa.Integer(), nullable=False),
        sa.Column("acquired_at", UtcTime(), nullable=True),
        sa.Column("acquired_local", sa.String(length=64), nullable=True),
        sa.Column("stored_at", UtcTime(), nullable=True),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("scored_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_results")),
    )
    op.create_index(op.f("ix_results_image_id"), "results", ["image_id"], unique=False)
    op.create_index("ix_results_image_id_scored_at", "results", ["image_id", "scored_at"], unique=False)
    op.create_index(op.f("ix_results_image_pseudonym"), "results", ["image_pseudonym"], unique=False)
    op.create_index(op.f("ix_results_patient_pseudonym"), "results", ["patient_pseudonym"], unique=False)
    op.create_index("ix_results_scored_at", "results", ["scored_at"], unique=False)
    op.create_table(
        "superseded",
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("image_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("stored_at", UtcTime(), nullable=True),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_superseded")),
    )
    op.create_index(op.f("ix_superseded_image_pseudonym"), "superseded", ["image_pseudonym"], unique=False)
    op.create_table(
        "tombstones",
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("image_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("purged_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_image_pseudonym"), "tombstones", ["image_pseudonym"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("verdict_id", sa.String(length=64), nullable=False),
        sa.Column("result_id", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=False),
        sa.Column("given_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("verdict_id", name=op.f("pk_verdicts")),
    )
    op.create_index(op.f("ix_verdicts_result_id"), "verdicts", ["result_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("result_id", sa.String(length=64), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("published_at", UtcTime(), nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result_id"], ["results.result_id"], name=op.f("fk_outbox_result_id_results"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished", "outbox", ["result_id"], unique=False, postgresql_where=sa.text("published_at IS NULL")
    )


def downgrade() -> None:
    """Removes them, and all results with them."""
    op.drop_index("ix_outbox_unpublished", table_name="outbox", postgresql_where=sa.text("published_at IS NULL"))
    op.drop_table("outbox")
    op.drop_index(op.f("ix_verdicts_result_id"), table_name="verdicts")
    op.drop_table("verdicts")
    op.drop_index(op.f("ix_tombstones_image_pseudonym"), table_name="tombstones")
    op.drop_table("tombstones")
    op.drop_index(op.f("ix_superseded_image_pseudonym"), table_name="superseded")
    op.drop_table("superseded")
    op.drop_index("ix_results_scored_at", table_name="results")
    op.drop_index(op.f("ix_results_patient_pseudonym"), table_name="results")
    op.drop_index(op.f("ix_results_image_pseudonym"), table_name="results")
    op.drop_index("ix_results_image_id_scored_at", table_name="results")
    op.drop_index(op.f("ix_results_image_id"), table_name="results")
    op.drop_table("results")
    op.drop_index(op.f("ix_notifications_state"), table_name="notifications")
    op.drop_index(op.f("ix_notifications_result_id"), table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_leases_image_id"), table_name="leases")
    op.drop_table("leases")
    op.drop_index(op.f("ix_dead_letters_image_pseudonym"), table_name="dead_letters")
    op.drop_index(op.f("ix_dead_letters_image_id"), table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_index(op.f("ix_audit_pseudonym"), table_name="audit")
    op.drop_index(op.f("ix_audit_at"), table_name="audit")
    op.drop_table("audit")
