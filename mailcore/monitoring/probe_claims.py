"""Whose grant is asked about next, as the senders' rows tell it: any number of workers share them.

All times are Postgres' own. A claim sets when the sender is due again a few minutes ahead, so a
worker that dies only delays its probes.
"""

from datetime import timedelta
from typing import Any

from mailcore.google.error_mapping import CLIENT_REFUSED
from mailcore.grants.sender_loading import SENDER_COLUMNS
from mailcore.senders.problems import PROBLEMS, SHARES_CLIENT
from mailcore.status import RefusedBy, SenderStatus
from mailcore.store.connection import Connection

#: Seconds after which a claim counts as a dead worker's.
LEASE = 300.0
#: Senders that one look claims at most. With a look every 15 seconds, that is 57,600 in 6 hours.
MOST = 40
#: How long a refused client is left alone before it is tried again.
CANARY_EVERY = timedelta(minutes=10)
#: Rows that one statement spreads at most: it holds nobody up.
_SPREAD_AT_ONCE = 1000

#: Hours from one probe to the next: at random, so that they stay spread out.
_NEXT = "interval '5 h' + random() * interval '1 h'"

#: Whatever renewed it has asked Google, too.
_RENEWED_LATELY = "coalesce(last_refreshed_at BETWEEN now() - interval '5 h' AND now(), false)"

#: It has a grant, and not only Gmail refuses that: no renewal says anything of such a refusal.
_PROBED = f"""
    generation > 0 AND token_json IS NOT NULL
    AND NOT (status = '{SenderStatus.EXPIRED}'
             AND coalesce(refused_by, '{RefusedBy.GMAIL}') = '{RefusedBy.GMAIL}')
"""

#: Thousands of new senders are not asked about at once.
_SPREAD = f"""
    WITH early AS (
        SELECT id FROM sender
        WHERE generation > 0
          AND (next_probe_at IS NULL OR (next_probe_at <= now() AND {_RENEWED_LATELY}))
        LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
    UPDATE sender
    SET next_probe_at = CASE WHEN {_RENEWED_LATELY} THEN last_refreshed_at + {_NEXT}
                             ELSE now() + random() * interval '6 h' END
    WHERE id IN (SELECT id FROM early)
"""  # noqa: S608 - of constants

_REFUSED_CLIENT = f"""
    WITH {PROBLEMS}
    SELECT at < now() - %(pause)s AS is_time
    FROM problem WHERE code = '{CLIENT_REFUSED}' AND client IS NULL
"""  # noqa: S608 - of constants

_CLAIM = f"""
    WITH due AS (
        SELECT id FROM sender
        WHERE next_probe_at <= now() AND {_PROBED} AND (%(shared)s OR NOT {SHARES_CLIENT})
        ORDER BY next_probe_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
    UPDATE sender SET next_probe_at = now() + %(lease)s
    WHERE id IN (SELECT id FROM due)
    RETURNING {SENDER_COLUMNS}
"""  # noqa: S608 - of constants

#: No sender has the id 0: its lease is that of the deployment's client. It is never given back,
#: so there is one canary at a time, whoever looks.
_CLAIM_CANARY = f"""
    WITH canary AS (
        SELECT id FROM sender WHERE {_PROBED} AND {SHARES_CLIENT}
        ORDER BY next_probe_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ), turn AS (
        INSERT INTO refresh_lease (sender_id, holder, leased_until)
        SELECT 0, gen_random_uuid(), now() + %(pause)s FROM canary
        ON CONFLICT (sender_id) DO UPDATE
        SET holder = excluded.holder, leased_until = excluded.leased_until
        WHERE refresh_lease.leased_until <= now()
        RETURNING sender_id
    )
    UPDATE sender SET next_probe_at = now() + %(lease)s
    WHERE id IN (SELECT id FROM canary) AND EXISTS (SELECT FROM turn)
    RETURNING {SENDER_COLUMNS}
"""  # noqa: S608 - of constants

_ANSWERED = f"""
    UPDATE sender SET probed_at = now(), next_probe_at = now() + {_NEXT} WHERE id = %(id)s
"""  # noqa: S608 - of constants

_NOT_ANSWERED = """
    UPDATE sender SET next_probe_at = now() + %(pause)s * (0.5 + random()) WHERE id = %(id)s
"""


def claim(connection: Connection) -> list[Any]:
    """Claim the senders that are due, a few at a time.

    Of those that share the deployment's client none is, while the token endpoint refuses that,
    but for one canary now and then.

    Args:
        connection: one on which each statement is its own transaction.

    Returns:
        Their rows, for `SenderReader.from_row`.
    """
    connection.run(_SPREAD, {"most": _SPREAD_AT_ONCE})
    lease = timedelta(seconds=LEASE)
    refused = connection.run(_REFUSED_CLIENT, {"pause": CANARY_EVERY}).fetchone()
    rows = connection.run(
        _CLAIM, {"most": MOST, "lease": lease, "shared": refused is None}
    ).fetchall()
    if refused is not None and refused.is_time:
        rows += connection.run(_CLAIM_CANARY, {"pause": CANARY_EVERY, "lease": lease}).fetchall()
    return rows


def answered(connection: Connection, sender_id: int) -> None:
    """Note that Google has said now whether it renews a sender's grant."""
    connection.run(_ANSWERED, {"id": sender_id})


def not_answered(connection: Connection, sender_id: int, pause: timedelta) -> None:
    """Have a sender asked about later, as Google has not said.

    Args:
        connection: one on which each statement is its own transaction.
        sender_id: the sender's row.
        pause: for how long, give or take a half.
    """
    connection.run(_NOT_ANSWERED, {"id": sender_id, "pause": pause})
