"""Applying the migrations, one process at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from mailcore.errors import ConfigurationError
from mailcore.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

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
    if is_current(database):
        return False
    # Alembic takes longer to load than all the rest of this, and is rarely needed.
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

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
    with database.statement() as connection:
        return _revision(connection) == newest_revision()


def newest_revision() -> str:
    """Return the last migration of this installation. Their files are numbered."""
    newest = max(path.name for path in (_scripts() / "versions").glob("[0-9]*.py"))
    return newest.partition("_")[0]


def migration_config() -> "Config":
    """Return Alembic's configuration, with the migrations of this installation."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    installed = Path(__file__).parents[1] / "migrations"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


def _revision(connection: Connection) -> str | None:
    """Return what Alembic has noted, or None where it has done nothing yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    noted = connection.execute(text("SELECT version_num FROM alembic_version"))
    return noted.scalar_one_or_none()
