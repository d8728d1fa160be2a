"""Recordings of shows, and what clips cut from them show where"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema one step further."""
    op.create_table(
        "recordings",
        sa.Column("show_id", sa.String(length=36), nullable=False),
        sa.Column("host_id", sa.String(length=36), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["people.id"], name=op.f("fk_recordings_host_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_recordings_show_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("show_id", name=op.f("pk_recordings")),
    )
    with op.batch_alter_table("recordings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recordings_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_recordings_host_id"), ["host_id"], unique=False)
    op.create_table(
        "recording_parts",
        sa.Column("clip_id", sa.String(length=36), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("show_id", sa.String(length=36), nullable=True),
        sa.Column("product_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name=op.f("fk_recording_parts_clip_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_recording_parts_product_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["show_id"], ["shows.id"], name=op.f("fk_recording_parts_show_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("clip_id", "start_ms", name=op.f("pk_recording_parts")),
    )
    with op.batch_alter_table("recording_parts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recording_parts_show_id"), ["show_id"], unique=False)


def downgrade() -> None:
    """Go back: restore a backup instead."""
    raise NotImplementedError
