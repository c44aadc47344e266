"""Re-encrypting what is stored, after a key was added in front or keys were first set.

It goes in small batches, each a transaction of its own, past rows that others are using right
now, and comes back for those. If it is stopped, the next run continues where it was.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from mailcore.clock import now
from mailcore.errors import ConfigurationError
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import MESSAGE, SEALED_COLUMNS, SealedColumn

#: Values in a batch, and bytes of messages, above which there is but one.
_BATCH = 100
_BATCH_BYTES = 8_000_000
#: Seconds until rows are looked at again that others had locked.
_PAUSE = 0.1

_MARK = text("""
    INSERT INTO deployment (id, updated_at, updated_by, all_sealed_at)
    VALUES (1, :at, 'rotate-keys', :at)
    ON CONFLICT (id) DO UPDATE SET all_sealed_at = :at
""")


def rotate(database: Database, vault: Vault, on_progress: Callable[[int, int], None]) -> int:
    """Seal every stored secret with the newest key, and from then on refuse what is not sealed.

    Args:
        database: where they are.
        vault: opens and seals them.
        on_progress: told how many values are done, and of how many, after each batch.

    Returns:
        How many values were sealed.

    Raises:
        ConfigurationError: no keys are set, or a stored secret cannot be opened.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    if not vault.seals:
        raise ConfigurationError(
            "PALEMAIL_ENCRYPTION_KEYS is not set: there is no key to use.",
            remedy="`pal-e-mail rotate-keys --new` prints one.",
        )
    done = 0
    while left := _left(database, vault):
        total, before = done + left, done
        on_progress(done, total)
        for column in SEALED_COLUMNS:
            for count in _batches(database, vault, column):
                done += count
                on_progress(done, max(done, total))
        if done == before:
            time.sleep(_PAUSE)
    with database.statement() as connection:
        connection.execute(_MARK, {"at": now()})
    return done


def _left(database: Database, vault: Vault) -> int:
    with database.transaction() as connection:
        return sum(
            connection.execute(
                text(f"SELECT count(*) FROM {column.table} WHERE {_TODO.format(c=column)}"),  # noqa: S608 - our names
                {"newest": _newest(vault, column)},
            ).scalar_one()
            for column in SEALED_COLUMNS
        )


def _batches(database: Database, vault: Vault, column: SealedColumn) -> Iterator[int]:
    """Seal a column's values, and yield how many after each batch."""
    after: object = None
    while True:
        with database.transaction() as connection:
            rows = _next(connection, vault, column, after)
            if not rows:
                return
            connection.execute(
                text(f"UPDATE {column.table} SET {column.name} = :sealed WHERE id = :id"),  # noqa: S608 - our names
                [{"id": row["id"], "sealed": _resealed(row, vault, column)} for row in rows],
            )
        after = rows[-1]["id"]
        yield len(rows)


#: A value that the newest key has not sealed.
_TODO = "{c.name} IS NOT NULL AND {c.where} AND substring({c.name} FROM 1 FOR 16) <> :newest"


def _next(
    connection: Connection, vault: Vault, column: SealedColumn, after: object
) -> list[dict[str, Any]]:
    beyond = "" if after is None else "AND id > :after"
    statement = text(f"""
        SELECT id, {", ".join((*column.key, column.name))} FROM {column.table}
        WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (ORDER BY id) AS place,
                       sum(octet_length({column.name})) OVER (ORDER BY id) AS bytes
                FROM (SELECT id, {column.name} FROM {column.table}
                      WHERE {_TODO.format(c=column)} {beyond}
                      ORDER BY id LIMIT {_BATCH}) AS todo
            ) AS sized
            WHERE place = 1 OR bytes <= {_BATCH_BYTES}
        )
        ORDER BY id FOR UPDATE SKIP LOCKED
    """)  # noqa: S608 - our names
    values = {"newest": _newest(vault, column), "after": after}
    return [dict(row) for row in connection.execute(statement, values).mappings()]


def _resealed(row: dict[str, Any], vault: Vault, column: SealedColumn) -> str | bytes:
    stored, place = row[column.name], column.at(*(row[name] for name in column.key))
    if column is MESSAGE:
        return vault.seal_bytes(vault.open_bytes(bytes(stored), place), place)
    return vault.seal(vault.open(stored, place), place)


def _newest(vault: Vault, column: SealedColumn) -> str | bytes:
    return vault.newest if column is MESSAGE else vault.newest.decode()
