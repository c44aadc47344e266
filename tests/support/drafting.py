"""What a worker does about drafts, without waiting for its time to come."""

from mailcore import DeliveryStatus, Mailcore
from tests.support.driving import Tables
from tests.support.steps import deliveries


def look_after_drafts(core: Mailcore, tables: Tables) -> None:
    """Settle and tidy up, as a worker does in time."""
    tables("UPDATE draft SET next_look_at = now(), created_at = created_at - interval '5 min'")
    core.left_drafts.run(lambda: False)


def settled(core: Mailcore, tables: Tables) -> DeliveryStatus:
    """Look after drafts until nothing is left to do; return what became of the one message."""
    for _ in range(4):
        core.upkeep.settle()
        look_after_drafts(core, tables)
        tables("UPDATE sender SET next_send_at = NULL")
        core.drain.run("alerts", worker="w", stopping=lambda: False)
    [delivery] = deliveries(core)
    return delivery.status
