"""Alembic's entry: runs on the connection, and in the transaction, that `taskora.store.migrate` opened."""

from alembic import context

from taskora.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
