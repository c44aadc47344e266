"""Who gets in: the key of the admin page, and the logins that have ended.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployment", sa.Column("page_key", sa.Text(), nullable=True))
    op.create_table(
        "ended_login",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("ended_login")
    op.drop_column("deployment", "page_key")
