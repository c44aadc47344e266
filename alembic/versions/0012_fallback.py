"""A sender's fallback, and the messages that may go out through it.

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sender", sa.Column("fallback_alias", sa.Text(), nullable=True))
    op.add_column(
        "sender",
        sa.Column("fallback_after", sa.Integer(), nullable=False, server_default="900"),
    )
    op.add_column(
        "delivery",
        sa.Column("allow_fallback", sa.Boolean(), nullable=False, server_default="false"),
    )
    op.add_column("delivery", sa.Column("sent_through", sa.Text(), nullable=True))
    op.create_index(
        "delivery_fallback",
        "delivery",
        ["alias", "send_at", "created_at"],
        postgresql_where=sa.text("status = 'queued' AND held_by IS NULL AND allow_fallback"),
    )
    op.create_index(
        "delivery_sent_through",
        "delivery",
        ["sent_through", "sent_at"],
        postgresql_where=sa.text("status = 'sent' AND sent_through IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("delivery_sent_through", "delivery")
    op.drop_index("delivery_fallback", "delivery")
    op.drop_column("delivery", "sent_through")
    op.drop_column("delivery", "allow_fallback")
    op.drop_column("sender", "fallback_after")
    op.drop_column("sender", "fallback_alias")
