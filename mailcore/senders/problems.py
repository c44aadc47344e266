"""Problems of an OAuth client or its project, as the senders' rows tell of them.

One wrong client has as many rows as senders that met it, and is one problem.
"""

from mailcore.google.error_mapping import CLIENT_REFUSED, QUOTA_EXCEEDED, SAID_OF_PROJECT
from mailcore.status import RefusedBy

#: Of the table ``sender``: its grant is renewed with the deployment's OAuth client.
SHARES_CLIENT = "(sender.credentials_json IS NULL AND sender.grant_client_json IS NULL)"


def _in(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


#: When the token endpoint last took the client: it looks at a grant only after that. A re-auth
#: notes its renewal by its host's clock: one that is still to come proves nothing.
_CLIENT_TAKEN = f"""
    greatest(CASE WHEN last_refreshed_at <= now() THEN last_refreshed_at END,
             CASE WHEN refused_by = '{RefusedBy.TOKEN_ENDPOINT}' THEN refused_at END)
"""

#: Fragment of a WITH: ``problem``, with a row for each current problem of each client.
#:
#: Its columns are ``code``, as in `values.senders.DeploymentProblem`; ``client``, NULL for the
#: deployment's, else the alias of the sender whose own it is; and of the sender that met it last,
#: ``alias``, ``text`` and ``at``. ``ORDER BY at DESC`` puts the newest first.
#:
#: What the token endpoint says against a client ends when it takes it again, with a grant of any
#: sender: mail goes out for an hour more with access tokens that are still good, and proves
#: nothing. What Gmail says ends with mail that it accepts. A project's exhausted quota counts for
#: a day; it is renewed daily.
PROBLEMS = f"""
    troubled AS MATERIALIZED (
        -- First, as there are none most of the time: then nothing is asked about the others.
        SELECT alias, last_error_code AS code, last_error_text AS text, last_error_at AS at,
               CASE WHEN NOT {SHARES_CLIENT} THEN alias END AS client,
               CASE WHEN last_error_code = '{CLIENT_REFUSED}' THEN {_CLIENT_TAKEN}
                    ELSE last_sent_at END AS worked_at
        FROM sender
        WHERE last_error_code IN ({_in((CLIENT_REFUSED, *SAID_OF_PROJECT))})
          AND (last_error_code <> '{QUOTA_EXCEEDED}' OR last_error_at > now() - interval '1 day')
    ), problem AS (
        SELECT DISTINCT ON (code, client) code, client, alias, text, at
        FROM troubled
        WHERE at > coalesce(CASE WHEN client IS NOT NULL THEN worked_at
              WHEN code = '{CLIENT_REFUSED}' THEN
                  (SELECT max({_CLIENT_TAKEN}) FROM sender WHERE {SHARES_CLIENT})
              ELSE (SELECT max(last_sent_at) FROM sender WHERE {SHARES_CLIENT})
              END, '-infinity')
        ORDER BY code, client, at DESC
    )
"""  # noqa: S608 - of constants
