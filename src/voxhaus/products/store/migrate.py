"""Bringing a database's schema to what this version of the program expects.

Knows: where the migrations lie, and how they are run once however many processes start at a time.
Refuses to know: what is in a migration. They are only ever added to.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError

from voxhaus.products.store.database import Database
from voxhaus.products.store.failures import StoreError, told

FOLDER = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration, which has no file."""
    config = Config()
    # Alembic expands per cent signs in options.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(database: Database) -> None:
    """Run the migrations that a database has not seen, all or none.

    Raises:
        StoreError: it was written by a newer version, or cannot be changed.
    """
    config = configuration()
    newest = ScriptDirectory.from_config(config).get_current_head()
    if _revision(database) == newest:
        return
    try:
        with database.schema_change() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (CommandError, ResolutionError) as error:
        raise StoreError(
            "The database was written by a newer version of voxhaus; install that version."
        ) from error


def _revision(database: Database) -> str | None:
    with told(), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
