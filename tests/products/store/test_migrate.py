"""Databases are brought up to date, and the migrations make the tables that the program has."""

import threading

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from voxhaus.products.store.database import Database
from voxhaus.products.store.failures import StoreError
from voxhaus.products.store.migrate import upgrade
from voxhaus.products.store.store import Store
from voxhaus.products.store.tables import Base


@pytest.fixture
def database(url):
    opened = Database(url)
    yield opened
    opened.close()


def test_from_empty_to_all_tables(database):
    upgrade(database)
    assert set(inspect(database.engine).get_table_names()) == {
        *Base.metadata.tables,
        "alembic_version",
    }


def test_the_program_and_its_migrations_agree(database):
    upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_missing_column_would_be_noticed(database):
    upgrade(database)
    with database.schema_change() as connection:
        connection.execute(text("ALTER TABLE keys DROP COLUMN local_only"))
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert [d[0] for d in differences] == ["add_column"]


def test_once_is_enough(database):
    upgrade(database)
    upgrade(database)


def test_four_that_start_at_once(url):
    failed = []

    def start():
        try:
            Store.open(url).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_newer_database_is_left_alone(database, url):
    upgrade(database)
    with database.schema_change() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StoreError, match="newer version of voxhaus"):
        Store.open(url)


def test_a_migration_that_fails_leaves_nothing(database):
    """All or none: a table that is in the way stops it, and the others are not there either."""
    with database.schema_change() as connection:
        connection.execute(text("CREATE TABLE usage (id INTEGER)"))
    with pytest.raises(StoreError):
        upgrade(database)
    assert inspect(database.engine).get_table_names() == ["usage"]
