"""When grants end: what an admin's calendar shows."""

from datetime import datetime

from sqlalchemy import Connection, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.values.senders import GrantEnd, GrantEndCount

#: One that has ended at its time stays: whoever looks at that day wants to see it. One that Google
#: refused before has no end ahead.
_QUERY = text("""
    SELECT alias, gmail_account, project, generation, grant_expires_at AS at, updated_at
    FROM sender
    WHERE grant_expires_at IS NOT NULL
      AND (status = 'healthy' OR (status = 'expired' AND grant_expires_at <= now()))
    ORDER BY grant_expires_at, alias
""").columns(at=UTCDateTime(), updated_at=UTCDateTime())


#: Together where they are close: ten thousand are not read one by one to draw a few bars.
_AHEAD = text("""
    SELECT date_bin('15 minutes', grant_expires_at, TIMESTAMPTZ '2000-01-01 00:00Z') AS at,
           count(*) AS count
    FROM sender WHERE status = 'healthy' AND grant_expires_at < :until
    GROUP BY 1 ORDER BY 1
""").columns(at=UTCDateTime())


def read_ends_ahead(connection: Connection, until: datetime) -> tuple[GrantEndCount, ...]:
    """Return how many grants end when, to a quarter of an hour, up to a moment."""
    rows = connection.execute(_AHEAD, {"until": until}).mappings()
    return tuple(GrantEndCount(**row) for row in rows)


def read_grant_ends(connection: Connection) -> tuple[GrantEnd, ...]:
    """Return when each grant ends, or has ended, as far as that is known; the next one first."""
    return tuple(GrantEnd(**row) for row in connection.execute(_QUERY).mappings())
