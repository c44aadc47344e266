"""When the request went out that Google refused; the name beside a message's From.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REFUSED = sa.text("""
    UPDATE sender SET refused_at = status_changed_at WHERE status IN ('expired', 'blocked')
""")


def upgrade() -> None:
    op.add_column("sender", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_REFUSED)
    op.add_column("delivery", sa.Column("from_name", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("delivery", "from_name")
    op.drop_column("sender", "refused_at")
