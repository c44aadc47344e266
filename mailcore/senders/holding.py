"""Why queued mail waits. It is derived from its sender whenever it is asked, never stored."""

from mailcore.settings import Settings

#: Of the tables ``sender``, and ``delivery`` as ``counted``: what a sender has sent in the last 24
#: hours, for others whose fallback it is, too.
SENT_LATELY = """
    counted.status = 'sent' AND counted.sent_at > now() - interval '24 hours'
    AND ((counted.alias = sender.alias AND counted.sent_through IS NULL)
         OR counted.sent_through = sender.alias)
"""

#: How much of a sender's daily budget is used: what was sent in the last 24 hours, by
#: `send_email` too. Only read where there is a limit.
_MESSAGES_SENT = f"""(
    SELECT count(*) FROM delivery AS counted
    WHERE {SENT_LATELY}
)"""  # noqa: S608 - of constants
#: The same in recipients, with those of the next message in its queue. NULL where nothing was sent:
#: a message beyond the whole budget goes out alone.
_RECIPIENTS_WITH_NEXT = f"""(
    SELECT sum(cardinality(counted.recipients)) + coalesce((
        SELECT cardinality(next.recipients) FROM delivery AS next
        WHERE next.alias = sender.alias AND next.status = 'queued' AND next.held_by IS NULL
        ORDER BY next.send_at, next.created_at LIMIT 1
    ), 1)
    FROM delivery AS counted
    WHERE {SENT_LATELY}
)"""  # noqa: S608 - of constants

#: Of the table ``sender``, with the `limits` of the deployment.
OVER_BUDGET = f"""(
    CASE WHEN coalesce(sender.messages_per_day, CAST(:messages_per_day AS integer)) IS NULL
         THEN false
         ELSE {_MESSAGES_SENT} >= coalesce(sender.messages_per_day, :messages_per_day) END
    OR
    CASE WHEN coalesce(sender.recipients_per_day, CAST(:recipients_per_day AS integer)) IS NULL
         THEN false
         ELSE coalesce(
             {_RECIPIENTS_WITH_NEXT} > coalesce(sender.recipients_per_day, :recipients_per_day),
             false) END
)"""

#: Of the table ``sender``: nothing but time keeps its queue from being sent.
RUNS = f"(sender.status = 'healthy' AND sender.paused_at IS NULL AND NOT {OVER_BUDGET})"

#: Of a table of senders: mail that allows it goes out through its fallback.
FALLS_BACK = """(
    {table}.fallback_alias IS NOT NULL AND {table}.status IN ('expired', 'blocked')
    AND {table}.paused_at IS NULL
    AND {table}.status_changed_at + {table}.fallback_after * interval '1 second' <= now()
)"""

#: Of the table ``delivery``, in a query of its own: what a queued message waits for, as one of
#: `values.deliveries.WaitsFor`.
WAITS_FOR = f"""
    SELECT CASE
        WHEN delivery.status <> 'queued' THEN NULL
        WHEN delivery.held_by IS NOT NULL THEN 'release'
        WHEN sender.id IS NULL THEN 'sender'
        WHEN sender.paused_at IS NOT NULL THEN 'resume'
        WHEN sender.status = 'blocked' THEN 'account'
        WHEN sender.status <> 'healthy' THEN 'reauth'
        WHEN {OVER_BUDGET} THEN 'budget'
        WHEN greatest(delivery.send_at, sender.next_send_at) > now() THEN 'time'
        ELSE 'turn' END AS waits_for
    FROM (SELECT 1) AS one LEFT JOIN sender ON sender.alias = delivery.alias
"""  # noqa: S608 - of constants

#: Of the table ``delivery``: it is queued, and something else than time keeps it back.
IS_HELD = f"""(
    delivery.status = 'queued'
    AND (delivery.held_by IS NOT NULL
         OR delivery.alias NOT IN (SELECT sender.alias FROM sender WHERE {RUNS}))
)"""  # noqa: S608 - of constants


def limits(settings: Settings) -> dict[str, object]:
    """Return the deployment's limits, for the fragments above."""
    return {
        "messages_per_day": settings.messages_per_day,
        "recipients_per_day": settings.recipients_per_day,
    }
