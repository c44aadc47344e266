"""Since when every secret is sealed; and accounts that wait to be confirmed.

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "deployment", sa.Column("all_sealed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("sender", sa.Column("offered_account", sa.Text(), nullable=True))
    op.add_column("sender", sa.Column("offered_grant_json", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sender", "offered_grant_json")
    op.drop_column("sender", "offered_account")
    op.drop_column("deployment", "all_sealed_at")
