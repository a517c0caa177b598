"""Runs migrations on the connection that bootstrap hands in, and inside its transaction."""

from alembic import context

# No target metadata and no URL: nothing here runs on its own.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
