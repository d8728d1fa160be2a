"""Fixtures that the tests of several packages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, metadata


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An empty database in a file of its own, with the tables of every module imported so far."""
    database = Database(f"sqlite:///{tmp_path / 'vitrine.sqlite3'}")
    metadata.create_all(database.engine)
    yield database
    database.dispose()
