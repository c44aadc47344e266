"""A pal-e-mail deployment to measure: tables, and senders with grants."""

import psycopg

from benchmarks.place import SCOPE, SENDER, Place
from mailcore import Mailcore, Settings
from mailcore.clock import now
from mailcore.google.credentials import Grant


def migrate(database_url: str) -> None:
    core = Mailcore(Settings(database_url=database_url))
    core.migrate()
    core.senders.register("alerts", gmail_account=SENDER, by="benchmark")
    core.close()


def store_grant(place: Place, further_scope: str | None = None) -> None:
    """Give the sender a grant as a re-auth would, so that nothing of before counts."""
    grant = Grant(
        refresh_token="made-up",
        access_token="made-up",
        access_expires_at=place.token_expires_at,
        scopes=(SCOPE, *filter(None, [further_scope])),
    )
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE sender SET status = 'healthy', generation = generation + 1, token_json = %s,"
            " grant_issued_at = %s WHERE alias = 'alerts'",
            [grant.to_json(), now()],
        )


def sender_status(place: Place) -> str:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        row = connection.execute("SELECT status FROM sender WHERE alias = 'alerts'").fetchone()
    assert row is not None
    return str(row[0])


def fill_up(place: Place, number: int) -> None:
    """Add senders of every kind till there are so many, one in a hundred with held mail."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO sender (alias, gmail_account, display_name, project, status, generation,
                                granted_scopes, token_json, grant_issued_at, grant_expires_at,
                                status_changed_at, created_at, updated_at)
            SELECT 'job-' || n, 'job-' || n || '@example.com', 'Job ' || n, 'project-' || n %% 40,
                   (ARRAY['healthy', 'healthy', 'healthy', 'expired', 'pending'])[1 + n %% 5],
                   1, ARRAY['https://www.googleapis.com/auth/gmail.send'], repeat('x', 400),
                   now(), now() + n %% 14 * interval '12 hours', now(), now(), now()
            FROM generate_series((SELECT count(*) FROM sender) + 1, %s) AS n
            """,
            [number],
        )
        connection.execute(
            """
            INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                                  created_at, updated_at)
            SELECT gen_random_uuid(), alias, ARRAY['ops@example.com'], 'Queued', '<a@example.com>',
                   'queued', 0, now(), now()
            FROM sender WHERE id % 100 = 0
            """
        )
        connection.execute("ANALYZE")
