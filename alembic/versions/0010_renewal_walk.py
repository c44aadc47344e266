"""*Renew all due* within one project, and since when: who has been renewed since is done.

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLE = "authorization_request"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("renewing_project", sa.Text(), nullable=True))
    op.add_column(_TABLE, sa.Column("renewing_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column(_TABLE, "renewing_since")
    op.drop_column(_TABLE, "renewing_project")
