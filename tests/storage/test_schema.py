"""Migrations lead to exactly the tables that the code declares."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import web.app  # noqa: F401  every package's tables
from storage import schema
from storage.database import Database, metadata

pytestmark = pytest.mark.slow


def test_migrations_lead_to_the_declared_tables(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    schema.upgrade(database)
    schema.upgrade(database)
    with database.reading() as tx:
        declared = {table for table in metadata.tables if not table.startswith("test_")}
        differences = [
            difference
            for difference in compare_metadata(MigrationContext.configure(tx.connection), metadata)
            if not ("test_" in str(difference) and difference[0] == "add_table")
        ]
        assert differences == []
        assert declared
    database.dispose()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'newer.sqlite3'}")
    schema.upgrade(database)
    with database.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaTooNew):
        schema.upgrade(database)
    database.dispose()
