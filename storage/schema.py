"""The schema of the database: Alembic migrations beside this file, applied at start-up under the write lock."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The database was written by a newer version; an older one would harm it."""


def upgrade(database: Database) -> None:
    """Bring the database to this version's schema; raises SchemaTooNew when it is from a newer version."""
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.writing() as tx:
        current = MigrationContext.configure(tx.connection).get_current_revision()
        if current is not None and current not in known:
            raise SchemaTooNew(f"The database is at {current}, which this version of Vitrine does not know.")
        config.attributes["connection"] = tx.connection
        command.upgrade(config, "head")


def state(database: Database) -> tuple[str | None, str | None, bool]:
    """Return the revision of the database, None for an empty one, this version's, and whether it is known here."""
    scripts = ScriptDirectory.from_config(_config())
    with database.reading() as tx:
        current = MigrationContext.configure(tx.connection).get_current_revision()
    known = current is None or current in {script.revision for script in scripts.walk_revisions()}
    return current, scripts.get_current_head(), known


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
