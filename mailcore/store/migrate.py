"""Applying the migrations, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from mailcore.errors import ConfigurationError
from mailcore.store.database import Database

#: Any number that no other program in the database uses: "migr".
_MIGRATION_LOCK = 0x6D696772


def migrate(database: Database) -> bool:
    """Bring the database up to date, waiting while another process does so.

    Args:
        database: the one to migrate.

    Returns:
        Whether there was anything to do.

    Raises:
        ConfigurationError: a newer version has migrated it.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    with database.transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        before = _revision(connection)
        config = migration_config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            raise ConfigurationError(
                f"The database's tables are newer than this version of pal-e-mail ({exc}). Run the "
                "newer version again."
            ) from exc
        return _revision(connection) != before


def is_current(database: Database) -> bool:
    """Say whether every migration has been applied.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    head = ScriptDirectory.from_config(migration_config()).get_current_head()
    with database.statement() as connection:
        return _revision(connection) == head


def migration_config() -> Config:
    """Return Alembic's configuration, with the migrations of this installation."""
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    installed = Path(__file__).parents[1] / "migrations"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
