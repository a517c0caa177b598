"""Runs migrations on the connection that bootstrap hands in, inside its transaction."""

from alembic import context

from zai_gateway.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # Alembic takes SQLite for a database that cannot undo DDL; it can, once BEGIN was said.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
