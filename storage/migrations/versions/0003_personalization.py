"""Tables of personalization: consent, events, profiles, experiments"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema one step further."""
    op.create_table(
        "crowd_epoch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crowd_epoch")),
    )
    op.create_table(
        "product_counts",
        sa.Column("product_id", sa.String(length=36), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("welcomed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product_counts")),
    )
    op.create_table(
        "consents",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("viewer_id", sa.String(length=36), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["viewer_id"], ["people.id"], name=op.f("fk_consents_viewer_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_viewer_id_seq"), ["viewer_id", "seq"], unique=False)

    op.create_table(
        "watch_counts",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("viewings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "bucket", "bin", name=op.f("pk_watch_counts")),
    )
    op.create_table(
        "unknown_fields",
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event", "field", "kind", name=op.f("pk_unknown_fields")),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("layer", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("begins", sa.Float(), nullable=False),
        sa.Column("most", sa.Float(), nullable=False),
        sa.Column("traffic", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    with op.batch_alter_table("experiments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_experiments_state"), ["state"], unique=False)

    op.create_table(
        "exposures",
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("viewer_id", sa.String(length=36), nullable=False),
        sa.Column("variant", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_exposures_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["viewer_id"], ["people.id"], name=op.f("fk_exposures_viewer_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("experiment_id", "viewer_id", name=op.f("pk_exposures")),
    )
    with op.batch_alter_table("exposures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exposures_viewer_id"), ["viewer_id"], unique=False)

    op.create_table(
        "viewer_choices",
        sa.Column("viewer_id", sa.String(length=36), nullable=False),
        sa.Column("profiled", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("surprise", sa.Float(), nullable=False),
        sa.Column("promoted", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["viewer_id"], ["people.id"], name=op.f("fk_viewer_choices_viewer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("viewer_id", name=op.f("pk_viewer_choices")),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("viewer_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.String(length=36), nullable=True),
        sa.Column("category", sa.String(length=80), nullable=True),
        sa.Column("brand", sa.String(length=120), nullable=True),
        sa.Column("merchant_id", sa.String(length=36), nullable=True),
        sa.Column("video_id", sa.String(length=36), nullable=True),
        sa.Column("segment_id", sa.String(length=36), nullable=True),
        sa.Column("watched_ms", sa.Integer(), nullable=True),
        sa.Column("scope", sa.String(length=10), nullable=True),
        sa.Column("host_id", sa.String(length=36), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("quantile", sa.Float(), nullable=True),
        sa.Column("words", sa.String(length=100), nullable=True),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("target", sa.String(length=100), nullable=True),
        sa.Column("personalise", sa.Boolean(), nullable=False),
        sa.Column("measure", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["viewer_id"], ["people.id"], name=op.f("fk_events_viewer_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("viewer_id", "message_id", "part", name=op.f("uq_events_viewer_id_message_id_part")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_viewer_id_at"), ["viewer_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_viewer_id_name_seq"), ["viewer_id", "name", "seq"], unique=False)

    op.create_table(
        "profiles",
        sa.Column("viewer_id", sa.String(length=36), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.String(length=36), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["viewer_id"], ["people.id"], name=op.f("fk_profiles_viewer_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("viewer_id", name=op.f("pk_profiles")),
    )


def downgrade() -> None:
    """Go back: restore a backup instead."""
    raise NotImplementedError
