"""Run migrations on the connection that mailcore hands over, or on DATABASE_URL's."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import mailcore.store.models  # noqa: F401 - fills the metadata
from mailcore.settings import Settings
from mailcore.store.database import Database


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the queue engine's own tables out of what is compared with the models."""
    return kind != "table" or not (name or "").startswith("procrastinate_")


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, include_name=is_ours
    )
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    with Database.from_settings(Settings()).transaction() as connection:
        migrate(connection)
