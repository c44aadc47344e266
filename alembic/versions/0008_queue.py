"""The queue: what a queued message and its sender need, and the engine's own tables.

Revision: 0008
Follows: 0006
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from mailcore.errors import ConfigurationError

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Procrastinate's schema as of its version 3.10; a test compares it with the installed one.
_ENGINE = Path(__file__).parents[1] / "sql" / "procrastinate_3_10.sql"

#: The function that fetches a job returns a row of its table, and goes with that.
_ENGINE_DOWN = """
DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
           procrastinate_workers CASCADE;
DROP FUNCTION procrastinate_defer_jobs_v1, procrastinate_defer_periodic_job_v2,
              procrastinate_finish_job_v1, procrastinate_cancel_job_v1, procrastinate_retry_job_v1,
              procrastinate_retry_job_v2, procrastinate_notify_queue_job_inserted_v1,
              procrastinate_notify_queue_abort_job_v1,
              procrastinate_trigger_function_status_events_insert_v1,
              procrastinate_trigger_function_status_events_update_v1,
              procrastinate_trigger_function_scheduled_events_v1,
              procrastinate_trigger_abort_requested_events_procedure_v1,
              procrastinate_unlink_periodic_defers_v1, procrastinate_register_worker_v1,
              procrastinate_unregister_worker_v1, procrastinate_update_heartbeat_v1,
              procrastinate_prune_stalled_workers_v1;
DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_status, procrastinate_job_event_type;
"""

_STORED = "'queued', 'sending', 'sent', 'failed', 'unknown', 'lapsed', 'discarded'"
_UNTIL_NOW = f"'held', {_STORED}"

_QUEUED = "status = 'queued' AND held_by IS NULL"
_DRAINING = "status = 'sending' AND claimed_by IS NOT NULL"
_EXPIRING = "status = 'queued' AND expires_at IS NOT NULL"
_KEPT = "body IS NOT NULL AND status NOT IN ('queued', 'sending')"


def upgrade() -> None:
    _refuse_anothers_engine()
    for column in (
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_interval", sa.Float(), nullable=False, server_default="0"),
        sa.Column("messages_per_second", sa.Float(), nullable=True),
        sa.Column("messages_per_day", sa.Integer(), nullable=True),
        sa.Column("recipients_per_day", sa.Integer(), nullable=True),
    ):
        op.add_column("sender", column)
    for column in (
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("if_unknown", sa.String(length=32), nullable=False, server_default="ask"),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("tried_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_by", sa.Text(), nullable=True),
    ):
        op.add_column("delivery", column)
    op.create_check_constraint("delivery_if_unknown", "delivery", "if_unknown IN ('ask', 'resend')")
    # Nothing has ever held a message: no version before this one could queue.
    op.execute("UPDATE delivery SET status = 'discarded', body = NULL WHERE status = 'held'")
    _check_status(_STORED)
    _index_open("'queued', 'sending', 'unknown'")
    op.create_index(
        "delivery_queue",
        "delivery",
        ["alias", "send_at", "created_at"],
        postgresql_where=sa.text(_QUEUED),
    )
    op.create_index(
        "delivery_one_at_a_time",
        "delivery",
        ["alias"],
        unique=True,
        postgresql_where=sa.text(_DRAINING),
    )
    op.create_index(
        "delivery_expiring", "delivery", ["expires_at"], postgresql_where=sa.text(_EXPIRING)
    )
    op.create_index(
        "delivery_sent",
        "delivery",
        ["alias", "sent_at"],
        postgresql_where=sa.text("status = 'sent'"),
    )
    op.create_index(
        "delivery_kept_body", "delivery", ["updated_at"], postgresql_where=sa.text(_KEPT)
    )
    _run(_ENGINE.read_text(encoding="utf-8"))


def _refuse_anothers_engine() -> None:
    """Neither share nor overwrite the tables of a program that uses the same engine."""
    if op.get_bind().scalar(sa.text("SELECT to_regclass('procrastinate_jobs')")) is not None:
        raise ConfigurationError(
            "Another program keeps its Procrastinate tables in this database and schema.",
            remedy="Give pal-e-mail a schema of its own: create one, and append "
            "?options=-csearch_path%3DNAME to DATABASE_URL.",
        )


def downgrade() -> None:
    _run(_ENGINE_DOWN)
    for index in ("kept_body", "sent", "expiring", "one_at_a_time", "queue"):
        op.drop_index(f"delivery_{index}", table_name="delivery")
    _index_open("'queued', 'held', 'sending', 'unknown'")
    _check_status(_UNTIL_NOW)
    op.drop_constraint("delivery_if_unknown", "delivery")
    for name in ("held_by", "tried_since", "claimed_by", "if_unknown", "send_at"):
        op.drop_column("delivery", name)
    for name in (
        "recipients_per_day",
        "messages_per_day",
        "messages_per_second",
        "send_interval",
        "next_send_at",
        "paused_at",
        "paused_by",
    ):
        op.drop_column("sender", name)


def _check_status(statuses: str) -> None:
    op.drop_constraint("delivery_status", "delivery")
    op.create_check_constraint("delivery_status", "delivery", f"status IN ({statuses})")


def _index_open(statuses: str) -> None:
    op.drop_index("delivery_open", table_name="delivery")
    op.create_index(
        "delivery_open",
        "delivery",
        ["status", "alias"],
        postgresql_where=sa.text(f"status IN ({statuses})"),
    )


def _run(statements: str) -> None:
    """Run several statements as they are: they have percent signs and colons of their own."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(statements.encode())
