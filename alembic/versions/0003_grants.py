"""What is known of a grant: its Google account, its client, who refused it; re-auths begun again.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Until now a sender that came from a token file took the file's client for its own. One that
#: was never registered nor given a client by a person has no other.
_CLIENTS_OF_FILES = sa.text("""
    UPDATE sender SET grant_client_json = credentials_json, credentials_json = NULL
    WHERE credentials_json IS NOT NULL
      AND EXISTS (SELECT FROM sender_event
                  WHERE sender_event.alias = sender.alias AND what = 'imported')
      AND NOT EXISTS (SELECT FROM sender_event
                      WHERE sender_event.alias = sender.alias
                        AND what IN ('registered', 'client changed'))
""")
_CLIENTS_BACK = sa.text("""
    UPDATE sender SET credentials_json = coalesce(credentials_json, grant_client_json)
""")


def upgrade() -> None:
    op.add_column("sender", sa.Column("google_sub", sa.Text(), nullable=True))
    op.add_column("sender", sa.Column("grant_client_json", sa.Text(), nullable=True))
    op.add_column("sender", sa.Column("refused_by", sa.String(length=32), nullable=True))
    op.create_check_constraint(
        "sender_refused_by", "sender", "refused_by IN ('token_endpoint', 'gmail')"
    )
    op.execute(_CLIENTS_OF_FILES)
    op.add_column("authorization_request", sa.Column("ticket_id", sa.Integer(), nullable=True))
    op.add_column(
        "authorization_request",
        sa.Column("retries", sa.Integer(), nullable=False, server_default="0"),
    )
    op.alter_column("authorization_request", "retries", server_default=None)


def downgrade() -> None:
    op.drop_column("authorization_request", "retries")
    op.drop_column("authorization_request", "ticket_id")
    op.execute(_CLIENTS_BACK)
    op.drop_constraint("sender_refused_by", "sender")
    op.drop_column("sender", "refused_by")
    op.drop_column("sender", "grant_client_json")
    op.drop_column("sender", "google_sub")
