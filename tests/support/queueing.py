"""Queueing ordinary mail, as one call; and time that passes."""

from typing import Any

from mailcore import Mailcore, Queued
from tests.support.driving import Tables

MAIL: Any = {"to": "ops@example.com", "subject": "Disk is full", "text": "94 % of /var are used."}


def queue(core: Mailcore, alias: str = "alerts", **changes: Any) -> Queued:
    """Queue an ordinary mail, with some arguments changed."""
    return core.queue_email(alias, **{**MAIL, **changes})


def drain(core: Mailcore, alias: str = "alerts") -> None:
    """Send what is due, as a worker does."""
    core.drain.run(alias, worker="w", stopping=lambda: False)


def let_leases_run_out(tables: Tables) -> None:
    """As if what is being sent had been for too long."""
    sending = "SELECT id, leased_until FROM delivery WHERE status = 'sending'"
    earlier = "SET leased_until = leased_until - interval '1 day'"
    tables(f"UPDATE draft {earlier} WHERE (delivery_id, leased_until) IN ({sending})")
    tables(f"UPDATE delivery {earlier} WHERE status = 'sending'")
