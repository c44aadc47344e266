"""Alerts and who is told, and what probes, metrics and *Renew all due* keep.

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_COUNTERS = (
    "sent_total",
    "failed_total",
    "unknown_total",
    "lapsed_total",
    "renewed_total",
    "renewal_refused_total",
    "renewal_failed_total",
)
_KINDS = (
    "'expiring', 'about to expire', 'expired', 'blocked', 'problem', 'unknown outcome', "
    "'waiting', 'lapsed'"
)


def upgrade() -> None:
    op.add_column("sender", sa.Column("probed_at", _MOMENT, nullable=True))
    op.add_column("sender", sa.Column("next_probe_at", _MOMENT, nullable=True))
    for name in _COUNTERS:
        column = sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("sender", column)
    op.create_index("sender_next_probe", "sender", ["next_probe_at"])
    op.add_column("authorization_request", sa.Column("renewing_until", _MOMENT, nullable=True))
    op.create_index(
        "delivery_lapsed",
        "delivery",
        ["updated_at"],
        postgresql_where=sa.text("status = 'lapsed'"),
    )
    _create_alerts()
    _create_channels()
    _create_notices()


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("raised_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name="alert_kind"),
    )
    op.create_index(
        "alert_open",
        "alert",
        ["kind", "subject", "generation"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("alert_alias", "alert", ["alias", sa.text("raised_at DESC")])
    op.create_index("alert_raised", "alert", [sa.text("raised_at DESC")])


def _create_channels() -> None:
    op.create_table(
        "alert_channel",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("urgent_only", sa.Boolean(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=True),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("next_try_at", _MOMENT, nullable=True),
        sa.Column("last_sent_at", _MOMENT, nullable=True),
        sa.UniqueConstraint("fingerprint"),
    )


def _create_notices() -> None:
    op.create_table(
        "alert_notice",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["channel_id"], ["alert_channel.id"], ondelete="CASCADE"),
        sa.CheckConstraint("kind IN ('raised', 'resolved')", name="alert_notice_kind"),
        sa.CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'cancelled')", name="alert_notice_status"
        ),
    )
    op.create_index(
        "alert_notice_once", "alert_notice", ["alert_id", "channel_id", "kind"], unique=True
    )
    op.create_index(
        "alert_notice_open",
        "alert_notice",
        ["channel_id", "due_at"],
        postgresql_where=sa.text("status IN ('waiting', 'sending')"),
    )
    op.create_index(
        "alert_notice_sent",
        "alert_notice",
        ["channel_id", "sent_at"],
        postgresql_where=sa.text("status = 'sent'"),
    )
    op.create_index("alert_notice_batch", "alert_notice", ["batch"])


def downgrade() -> None:
    for table in ("alert_notice", "alert_channel", "alert"):
        op.drop_table(table)
    op.drop_index("delivery_lapsed", table_name="delivery")
    op.drop_column("authorization_request", "renewing_until")
    op.drop_index("sender_next_probe", table_name="sender")
    for name in (*reversed(_COUNTERS), "next_probe_at", "probed_at"):
        op.drop_column("sender", name)
