"""Run migrations on the connection that mailcore hands over, or on DATABASE_URL's."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import mailcore.store.models  # noqa: F401 - fills the metadata
from mailcore.settings import Settings
from mailcore.store.database import Database


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    with Database.from_settings(Settings()).transaction() as connection:
        migrate(connection)
