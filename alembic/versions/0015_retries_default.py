"""An older version, which knows nothing of retries, can begin a re-auth beside a newer one.

Revision: 0015
Follows: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("authorization_request", "retries", server_default="0")


def downgrade() -> None:
    op.alter_column("authorization_request", "retries", server_default=None)
