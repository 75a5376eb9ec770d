"""What alembic runs: the migrations, inside the transaction of the connection it was given."""

from alembic import context

from am_agent.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
