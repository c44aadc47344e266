"""The senders page's one query, however many senders there are."""

from typing import Any

from sqlalchemy import Connection, RowMapping, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.senders.picture import COLUMNS, EXPIRING, MOMENTS, OPEN, sender_from, times
from mailcore.senders.problems import PROBLEMS
from mailcore.store.database import literal
from mailcore.values.reauth import RenewalWalk
from mailcore.values.senders import DeploymentProblem, SenderPage, Totals

#: Of the table ``listed``: what a run of *Renew all due* takes in.
_STILL_TO_RENEW = """
    (status = 'expired'
     OR (status = 'healthy' AND grant_expires_at < CAST(:walk_until AS timestamptz)))
    AND (:walk_project = '' OR project = :walk_project)
    AND alias NOT IN (SELECT alias FROM authorization_request
                      WHERE outcome = 'done' AND consumed_at >= CAST(:walk_since AS timestamptz))
"""

_QUERY = text(f"""
    WITH listed AS (
        SELECT id, alias, gmail_account, display_name, project, status, grant_expires_at,
               {EXPIRING} AS expiring
        FROM sender
    ), totals AS (
        SELECT count(*) FILTER (WHERE status = 'healthy') AS healthy,
               count(*) FILTER (WHERE expiring) AS expiring,
               count(*) FILTER (WHERE status = 'expired') AS expired,
               count(*) FILTER (WHERE status = 'blocked') AS blocked,
               count(*) FILTER (WHERE status = 'pending') AS pending,
               count(grant_expires_at) FILTER (WHERE status = 'healthy') AS ending,
               -- count(DISTINCT …) would sort them all
               (SELECT count(*) FROM (SELECT project FROM listed GROUP BY project) AS all_projects
                WHERE project IS NOT NULL) AS projects
        FROM listed
    ), matching AS (
        SELECT id, project, alias,
               CASE WHEN status = 'expired' THEN 0 WHEN status = 'blocked' THEN 1
                    WHEN expiring THEN 2 WHEN status = 'pending' THEN 3 ELSE 4 END AS rank
        FROM listed
        WHERE (:status = '' OR (status = :status AND NOT (:status = 'healthy' AND expiring))
               OR (:status = 'expiring' AND expiring)
               OR (:status = 'due' AND (expiring OR status = 'expired'))
               OR (:status = 'walk' AND {_STILL_TO_RENEW}))
          AND (:search = '' OR concat_ws(' ', alias, gmail_account, display_name, project)
               ILIKE '%' || :search || '%')
    ), page AS (
        SELECT * FROM matching ORDER BY rank, project NULLS LAST, alias
        LIMIT :limit OFFSET :offset
    ), open AS (
        {OPEN} GROUP BY alias
    ), {PROBLEMS}, newest_problem AS (
        SELECT alias AS problem_alias, code AS problem_code, text AS problem_text,
               at AS problem_at
        FROM problem ORDER BY at DESC LIMIT 1
    )
    SELECT totals.healthy, totals.expiring AS all_expiring, totals.expired, totals.blocked,
           totals.pending, totals.ending, totals.projects, newest_problem.*,
           (SELECT count(*) FROM matching) AS matching,
           (SELECT coalesce(sum(unknown), 0)::integer FROM open) AS all_unknown,
           page.rank, {COLUMNS}
    FROM totals
    LEFT JOIN newest_problem ON true
    LEFT JOIN page ON true
    LEFT JOIN sender ON sender.id = page.id
    LEFT JOIN open ON open.alias = sender.alias
    ORDER BY page.rank, page.project NULLS LAST, page.alias
""").columns(**MOMENTS, problem_at=UTCDateTime())  # noqa: S608 - of constants


_PROJECTS = text("SELECT DISTINCT project FROM sender WHERE project IS NOT NULL ORDER BY project")


def read_page(
    connection: Connection,
    *,
    search: str,
    status: str | None,
    walk: RenewalWalk | None,
    offset: int,
    limit: int,
) -> SenderPage:
    """Run the query. The arguments are those of `mailcore.senders.SenderRegistry.page`."""
    values: dict[str, Any] = {
        "search": literal(search.strip()),
        "status": "walk" if walk else status or "",
        "walk_until": walk and walk.until,
        "walk_project": (walk and walk.project) or "",
        "walk_since": walk and walk.since,
        "offset": offset,
        "limit": limit,
        **times(),
    }
    rows = connection.execute(_QUERY, values).mappings().all()
    first = rows[0]
    return SenderPage(
        senders=tuple(sender_from(row) for row in rows if row["alias"] is not None),
        matching=first["matching"],
        totals=_totals(first),
        projects=first["projects"],
        ending=first["ending"],
        unknown=first["all_unknown"],
        problem=_problem(first),
    )


def read_projects(connection: Connection) -> tuple[str, ...]:
    """Return the names of all projects, in order."""
    return tuple(connection.scalars(_PROJECTS))


def _totals(row: RowMapping) -> Totals:
    return Totals(
        healthy=row["healthy"],
        expiring=row["all_expiring"],
        expired=row["expired"],
        blocked=row["blocked"],
        pending=row["pending"],
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
