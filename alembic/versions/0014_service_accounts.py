"""Senders that send with a service account.

Revision: 0014
Follows: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sender", sa.Column("service_account", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sender", "service_account")
