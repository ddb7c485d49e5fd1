"""Jobs of running engines: how far they are, who wanted them, and whose they are, so that a dead one's are told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXTS = ("key", "name", "stage", "client", "owner")


def upgrade() -> None:
    """Make the columns; what was done is whole."""
    with op.batch_alter_table("job") as job:
        for name in TEXTS:
            job.add_column(sa.Column(name, sa.String, nullable=False, server_default=""))
        job.add_column(sa.Column("fraction", sa.Double, nullable=False, server_default="0"))
    op.execute("UPDATE job SET fraction = 1 WHERE state = 'done'")
    op.create_index("ix_job_key", "job", ["key"])


def downgrade() -> None:
    """Remove them; that a job was cancelled or interrupted is told as a failure."""
    op.execute("UPDATE job SET state = 'failed' WHERE state IN ('cancelled', 'interrupted')")
    op.drop_index("ix_job_key", "job")
    with op.batch_alter_table("job") as job:
        for name in (*TEXTS, "fraction"):
            job.drop_column(name)
