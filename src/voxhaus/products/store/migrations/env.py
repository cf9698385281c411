"""What Alembic runs to migrate.

Knows: the connection that `migrate` hands over, with a transaction already begun.
Refuses to know: addresses of databases and logging.
"""

from alembic import context

from voxhaus.products.store.tables import Base


def run() -> None:
    """Run the migrations within the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite changes tables by copying them
    )
    with context.begin_transaction():
        context.run_migrations()


run()
