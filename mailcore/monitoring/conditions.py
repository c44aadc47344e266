"""What is wrong right now, and the alerts that say so.

Every look finds everything that is wrong, from the rows alone. What is new becomes an alert;
alerts that are no longer true are closed. So it does not matter which worker looks, or when one
last did, and nothing is missed that happened while none was running.
"""

from mailcore.google.error_mapping import CLIENT_REFUSED, SAID_OF_PROJECT
from mailcore.senders.problems import PROBLEMS
from mailcore.store.connection import Connection
from mailcore.values.alerts import ABOUT_TO_EXPIRE_WITHIN, WAITING_FOR, AlertKind
from mailcore.values.senders import EXPIRING_WITHIN

#: One warning for a project takes in the grants that end this much later, so that grants given
#: one after the other on one day don't bring a message each.
_SAME_DAY = 24
_HALF_DAY = 12
_SOON = EXPIRING_WITHIN.total_seconds() / 3600
_VERY_SOON = ABOUT_TO_EXPIRE_WITHIN.total_seconds() / 3600

#: The early warnings: each is given once for a grant, whatever happens to it afterwards.
_EARLY = f"('{AlertKind.EXPIRING}', '{AlertKind.ABOUT_TO_EXPIRE}')"

_GIVEN = """
    EXISTS (SELECT FROM alert WHERE alert.kind = '{kind}' AND alert.subject = sender.alias
            AND alert.generation = sender.generation AND alert.raised_at >= sender.created_at)
"""

#: Grants that end within three days, which warnings were given of them, and whether another
#: grant of the project is due for one.
_ENDING = f"""
    SELECT ending.*,
           bool_or(NOT warned AND hours < {_SOON:g}) OVER project_mates AS warns,
           bool_or(NOT warned_again AND hours < {_VERY_SOON:g}) OVER project_mates AS warns_again
    FROM (
        SELECT alias, project, generation,
               extract(epoch FROM grant_expires_at - now()) / 3600 AS hours,
               {_GIVEN.format(kind=AlertKind.EXPIRING)} AS warned,
               {_GIVEN.format(kind=AlertKind.ABOUT_TO_EXPIRE)} AS warned_again
        FROM sender
        WHERE status = 'healthy'
          AND grant_expires_at < now() + interval '{_SOON + _SAME_DAY:g} hours'
    ) AS ending
    WINDOW project_mates AS (PARTITION BY project)
"""  # noqa: S608 - of constants

_PROBLEM_CODES = ", ".join(f"'{code}'" for code in (CLIENT_REFUSED, *SAID_OF_PROJECT))

#: Mail waits although nothing says that its sender cannot send.
_WAITING = f"""
    SELECT sender.alias, sender.project
    FROM sender
    WHERE status NOT IN ('expired', 'blocked')
      AND coalesce(last_error_code NOT IN ({_PROBLEM_CODES}), true)
      AND EXISTS (
          SELECT FROM delivery
          WHERE delivery.alias = sender.alias AND delivery.status = 'queued'
            AND delivery.held_by IS NULL
            AND delivery.send_at < now() - interval '{WAITING_FOR.total_seconds():g} seconds')
"""  # noqa: S608 - of constants

_LOOK = f"""
    WITH ending AS ({_ENDING}),
    {PROBLEMS},
    found AS MATERIALIZED (
        SELECT '{AlertKind.ABOUT_TO_EXPIRE}' AS kind, alias AS subject, alias, project,
               generation, NULL::text AS detail
        FROM ending
        WHERE hours < {_VERY_SOON:g}
           OR (hours < {_VERY_SOON + _HALF_DAY:g} AND (warned_again OR warns_again))
        UNION ALL
        SELECT '{AlertKind.EXPIRING}', alias, alias, project, generation, NULL
        FROM ending
        WHERE hours >= {_VERY_SOON:g} AND (warned OR warns)
          AND NOT (hours < {_VERY_SOON + _HALF_DAY:g} AND (warned_again OR warns_again))
        UNION ALL
        SELECT status, alias, alias, project, generation, status_reason
        FROM sender WHERE status IN ('{AlertKind.EXPIRED}', '{AlertKind.BLOCKED}')
        UNION ALL
        SELECT '{AlertKind.PROBLEM}', problem.code || ' ' || coalesce(problem.client, ''),
               problem.alias, sender.project, 0, problem.text
        FROM problem JOIN sender ON sender.alias = problem.alias
        UNION ALL
        SELECT '{AlertKind.UNKNOWN_OUTCOME}', sender.alias, sender.alias, sender.project, 0, NULL
        FROM (SELECT DISTINCT alias FROM delivery
              WHERE status = 'unknown'
                 OR (status = 'sending' AND leased_until < now())) AS unknown
        JOIN sender ON sender.alias = unknown.alias
        UNION ALL
        SELECT '{AlertKind.WAITING}', alias, alias, project, 0, NULL FROM ({_WAITING}) AS waiting
        UNION ALL
        SELECT '{AlertKind.LAPSED}', sender.alias, sender.alias, sender.project, 0, NULL
        FROM (SELECT DISTINCT alias FROM delivery
              WHERE status = 'lapsed' AND updated_at > now() - interval '24 hours') AS lapsed
        JOIN sender ON sender.alias = lapsed.alias
    ), closed AS (
        UPDATE alert SET closed_at = now()
        WHERE closed_at IS NULL AND NOT EXISTS (
            SELECT FROM found
            WHERE found.kind = alert.kind AND found.subject = alert.subject
              AND found.generation = alert.generation)
    )
    INSERT INTO alert (kind, subject, alias, project, generation, detail, raised_at)
    SELECT kind, subject, alias, project, generation, detail, now() FROM found
    WHERE NOT EXISTS (
        SELECT FROM alert
        JOIN sender ON sender.alias = alert.alias
        WHERE alert.kind = found.kind AND alert.subject = found.subject
          AND alert.generation = found.generation
          AND (alert.closed_at IS NULL
               OR (found.kind IN {_EARLY} AND alert.raised_at >= sender.created_at)))
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - of constants


def update_alerts(connection: Connection) -> None:
    """Raise an alert for everything that is newly wrong, and close those that are over.

    Args:
        connection: one on which each statement is its own transaction.
    """
    connection.run(_LOOK)
