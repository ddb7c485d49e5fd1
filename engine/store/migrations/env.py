"""What Alembic runs: the steps that a database lacks, over the connection that it is given, in one transaction."""

from alembic import context

from engine.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
