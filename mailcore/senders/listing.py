"""The senders page's one query, however many senders there are."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.clock import now
from mailcore.status import SenderStatus
from mailcore.store.database import storable
from mailcore.values.senders import EXPIRING_WITHIN, DeploymentProblem, Sender, SenderPage, Totals

#: Without this they would come back in the session's time zone.
_MOMENTS = (
    "status_changed_at",
    "grant_issued_at",
    "grant_expires_at",
    "last_refreshed_at",
    "last_sent_at",
    "last_error_at",
    "created_at",
    "updated_at",
    "problem_at",
)

#: A project's exhausted quota counts as trouble for all for a day; it is renewed daily.
_QUERY = text("""
    WITH listed AS (
        SELECT id, alias, gmail_account, display_name, project, status, grant_expires_at,
               status = 'healthy' AND grant_expires_at IS NOT NULL
                   AND grant_expires_at < :expiring_before AS expiring
        FROM sender
    ), totals AS (
        SELECT count(*) FILTER (WHERE status = 'healthy') AS healthy,
               count(*) FILTER (WHERE expiring) AS expiring,
               count(*) FILTER (WHERE status = 'expired') AS expired,
               count(*) FILTER (WHERE status = 'blocked') AS blocked,
               count(*) FILTER (WHERE status = 'pending') AS pending,
               count(DISTINCT project) AS projects
        FROM listed
    ), matching AS (
        SELECT id, expiring, project, alias,
               CASE WHEN status = 'expired' THEN 0 WHEN status = 'blocked' THEN 1
                    WHEN expiring THEN 2 WHEN status = 'pending' THEN 3 ELSE 4 END AS rank
        FROM listed
        WHERE (:status = '' OR (status = :status AND NOT (:status = 'healthy' AND expiring))
               OR (:status = 'expiring' AND expiring)
               OR (:status = 'due' AND (expiring OR status = 'expired')))
          AND (:search = '' OR concat_ws(' ', alias, gmail_account, display_name, project)
               ILIKE '%' || :search || '%')
    ), page AS (
        SELECT * FROM matching ORDER BY rank, project NULLS LAST, alias
        LIMIT :limit OFFSET :offset
    ), open AS (
        SELECT alias, count(*) FILTER (WHERE status = 'held') AS held,
               count(*) FILTER (WHERE status = 'unknown'
                                OR (status = 'sending' AND leased_until <= :now)) AS unknown
        FROM delivery WHERE status IN ('held', 'unknown', 'sending') GROUP BY alias
    ), problem AS (
        SELECT alias AS problem_alias, last_error_code AS problem_code,
               last_error_text AS problem_text, last_error_at AS problem_at
        FROM sender
        WHERE (last_error_code IN ('configuration', 'api_disabled')
               OR (last_error_code = 'quota_exceeded' AND last_error_at > :a_day_ago))
          -- A mail that went out since, of any sender with the same client, shows that it
          -- works again.
          AND last_error_at > coalesce(CASE WHEN credentials_json IS NULL THEN
              (SELECT max(last_sent_at) FROM sender WHERE credentials_json IS NULL)
              ELSE last_sent_at END, '-infinity')
        ORDER BY last_error_at DESC LIMIT 1
    )
    SELECT totals.*, problem.*, (SELECT count(*) FROM matching) AS matching,
           (SELECT coalesce(sum(unknown), 0)::integer FROM open) AS all_unknown,
           page.rank, page.expiring AS is_expiring,
           sender.alias, sender.gmail_account, sender.display_name, sender.project,
           sender.status, sender.status_reason, sender.status_changed_at, sender.generation,
           sender.granted_scopes, sender.grant_issued_at, sender.grant_expires_at,
           sender.last_refreshed_at, sender.last_sent_at, sender.last_error_code,
           sender.last_error_text, sender.last_error_at, sender.created_at, sender.updated_at,
           sender.credentials_json IS NOT NULL AS has_own_client,
           coalesce(open.held, 0) AS held, coalesce(open.unknown, 0) AS unknown
    FROM totals
    LEFT JOIN problem ON true
    LEFT JOIN page ON true
    LEFT JOIN sender ON sender.id = page.id
    LEFT JOIN open ON open.alias = sender.alias
    ORDER BY page.rank, page.project NULLS LAST, page.alias
""").columns(**dict.fromkeys(_MOMENTS, UTCDateTime()))

_SENDER_FIELDS = tuple(
    name
    for name in Sender.__dataclass_fields__
    if name not in {"status", "granted_scopes", "expiring"}
)


def read_page(
    connection: Connection, *, search: str, status: str | None, offset: int, limit: int
) -> SenderPage:
    """Run the query. The arguments are those of `mailcore.senders.SenderRegistry.page`."""
    at = now()
    values: dict[str, Any] = {
        "search": _literal(search.strip()),
        "status": status or "",
        "offset": offset,
        "limit": limit,
        "now": at,
        "expiring_before": at + EXPIRING_WITHIN,
        "a_day_ago": at - timedelta(days=1),
    }
    rows = connection.execute(_QUERY, values).mappings().all()
    first = rows[0]
    return SenderPage(
        senders=tuple(_sender(row) for row in rows if row["alias"] is not None),
        matching=first["matching"],
        totals=Totals(**{name: first[name] for name in Totals.__dataclass_fields__}),
        projects=first["projects"],
        unknown=first["all_unknown"],
        problem=_problem(first),
    )


def _literal(search: str) -> str:
    """Keep what people type from being read as a pattern."""
    return storable(search).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _sender(row: RowMapping) -> Sender:
    return Sender(
        **{name: row[name] for name in _SENDER_FIELDS},
        status=SenderStatus(row["status"]),
        granted_scopes=tuple(row["granted_scopes"]),
        expiring=row["is_expiring"],
    )


def _problem(row: RowMapping) -> DeploymentProblem | None:
    if row["problem_code"] is None:
        return None
    return DeploymentProblem(
        code=row["problem_code"],
        text=row["problem_text"],
        at=row["problem_at"],
        alias=row["problem_alias"],
    )
