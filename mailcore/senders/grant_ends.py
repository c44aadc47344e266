"""When grants end: what an admin's calendar shows."""

from sqlalchemy import Connection, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.values.senders import GrantEnd

#: One that has ended at its time stays: whoever looks at that day wants to see it. One that Google
#: refused before has no end ahead.
_QUERY = text("""
    SELECT alias, gmail_account, project, generation, grant_expires_at AS at, updated_at
    FROM sender
    WHERE grant_expires_at IS NOT NULL
      AND (status = 'healthy' OR (status = 'expired' AND grant_expires_at <= now()))
    ORDER BY grant_expires_at, alias
""").columns(at=UTCDateTime(), updated_at=UTCDateTime())


def read_grant_ends(connection: Connection) -> tuple[GrantEnd, ...]:
    """Return when each grant ends, or has ended, as far as that is known; the next one first."""
    return tuple(GrantEnd(**row) for row in connection.execute(_QUERY).mappings())
