"""Runs migrations on the connection that it is handed, inside that connection's transaction."""

from alembic import context

from storage.schema import declared, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=declared,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
