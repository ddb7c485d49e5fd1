"""Takes, profiles and their samples."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "take",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("line", "digest", "voice", "text", "recipe", "note")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("number", "seed")),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("line", "number"),
        sa.UniqueConstraint("line", "digest"),
    )
    op.create_index("ix_take_line", "take", ["line"])
    profile = ("name", "backend", "language", "consent", "settings", "effects")
    op.create_table(
        "profile",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in profile),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "sample",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("profile_id", sa.String, sa.ForeignKey("profile.id", ondelete="CASCADE"), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("name", "text", "sha256", "findings")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("number", "frames", "sample_rate")),
        sa.UniqueConstraint("profile_id", "number"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("sample", "profile", "take"):
        op.drop_table(table)
