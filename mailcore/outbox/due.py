"""Which senders have mail to send now, and when the others will have.

One probe of an index for each sender with mail in its queue: what is sent, held behind a dead
sender or scheduled for later costs nothing.
"""

from collections.abc import Collection

from sqlalchemy import Connection, text

from mailcore.senders.holding import FALLS_BACK, RUNS

_ALL = """
    WITH RECURSIVE found AS (
        (SELECT alias FROM delivery WHERE status = 'queued' AND held_by IS NULL
         ORDER BY alias LIMIT 1)
        UNION ALL
        SELECT (SELECT delivery.alias FROM delivery
                WHERE status = 'queued' AND held_by IS NULL AND delivery.alias > found.alias
                ORDER BY delivery.alias LIMIT 1)
        FROM found WHERE found.alias IS NOT NULL
    )
"""
_NAMED = "WITH found AS (SELECT unnest(CAST(:aliases AS text[])) AS alias)"

#: One that is being drained is left out: whoever drains it looks by himself.
_DUE = f"""
    SELECT sender.alias,
           CAST(extract(epoch FROM greatest(first.send_at, sender.next_send_at) - now())
                AS double precision) AS seconds
    FROM found JOIN sender ON sender.alias = found.alias
    CROSS JOIN LATERAL (
        SELECT send_at FROM delivery
        WHERE delivery.alias = sender.alias AND status = 'queued' AND held_by IS NULL
          AND coalesce(expires_at > now(), true)
        ORDER BY send_at, created_at LIMIT 1
    ) AS first
    WHERE {RUNS} AND NOT EXISTS (
        SELECT FROM delivery
        WHERE delivery.alias = sender.alias AND status = 'sending' AND claimed_by IS NOT NULL
    )
"""  # noqa: S608 - of constants
#: Mail that may go out through its sender's fallback: that can send, while its own cannot, and has
#: not been able to for long enough.
_DUE_FOR_OTHERS = f"""
    UNION ALL
    SELECT waiting.alias,
           CAST(extract(epoch FROM greatest(first.send_at, other.next_send_at) - now())
                AS double precision) AS seconds
    FROM found JOIN sender AS waiting ON waiting.alias = found.alias
    CROSS JOIN LATERAL (
        SELECT next_send_at FROM sender WHERE alias = waiting.fallback_alias AND {RUNS}
    ) AS other
    CROSS JOIN LATERAL (
        SELECT send_at FROM delivery
        WHERE delivery.alias = waiting.alias AND status = 'queued' AND held_by IS NULL
          AND allow_fallback AND coalesce(expires_at > now(), true)
        ORDER BY send_at, created_at LIMIT 1
    ) AS first
    WHERE {FALLS_BACK.format(table="waiting")} AND NOT EXISTS (
        SELECT FROM delivery
        WHERE delivery.alias = waiting.alias AND status = 'sending' AND claimed_by IS NOT NULL
    )
"""  # noqa: S608 - of constants
_DUE += _DUE_FOR_OTHERS
_ALL_DUE, _NAMED_DUE = text(_ALL + _DUE), text(_NAMED + _DUE)


def due(
    connection: Connection, limits: dict[str, object], aliases: Collection[str] | None = None
) -> dict[str, float]:
    """Return the senders that have mail to send, and in how many seconds each may.

    Args:
        connection: one on which each statement is its own transaction.
        limits: the deployment's, as returned by `senders.holding.limits`.
        aliases: only these; None looks at all.

    Returns:
        Seconds by alias, at most 0 for what may go out now. A sender that cannot send at all,
        or that a worker is sending for, is not in it.
    """
    if aliases is None:
        rows = connection.execute(_ALL_DUE, limits)
    else:
        rows = connection.execute(_NAMED_DUE, {**limits, "aliases": list(aliases)})
    return {row.alias: row.seconds for row in rows}
