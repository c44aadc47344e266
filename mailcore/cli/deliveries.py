"""`deliveries list|show|arrived|retry|discard`."""

from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

import mailcore
from mailcore import Delivery, DeliveryStatus, WaitsFor
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.output import CsvOption, JsonOption

#: Where its word alone would be a riddle.
_WAITS_FOR = {
    WaitsFor.TURN: "its turn",
    WaitsFor.TIME: "its send time or next attempt",
    WaitsFor.BUDGET: "its sender's daily budget",
    WaitsFor.REAUTH: "a re-auth",
    WaitsFor.ACCOUNT: "Google to accept the account",
    WaitsFor.RESUME: "its sender to be resumed",
    WaitsFor.RELEASE: "someone to release it",
    WaitsFor.SENDER: "its sender, which was deleted",
}


def _moment(text: str) -> datetime:
    """Read a date and time; without a time zone it is local.

    Raises:
        BadParameter: it is not one.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"{text!r} is not a date. Give one such as 2026-11-25 or '2026-11-25 14:30'."
        ) from exc


Since = Annotated[
    datetime | None,
    typer.Option(
        parser=_moment,
        metavar="TIME",
        help="Only those since then, in local time, such as '2026-11-25 14:30'.",
    ),
]
DeliveryId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Its ID; the first digits will do.", show_default=False),
]


def list_(
    *,
    sender: Annotated[str | None, typer.Option(help="Only this sender.")] = None,
    status: Annotated[
        DeliveryStatus | None, typer.Option(help="Only those with this status.")
    ] = None,
    since: Since = None,
    search: Annotated[
        str,
        typer.Option(
            help="Only those with this text in their subject, recipients or idempotency key."
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option(min=1, help="Show at most this many; --csv prints all.")
    ] = 25,
    offset: Annotated[int, typer.Option(min=0, help="Skip this many.")] = 0,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, newest first."""
    with closing(mailcore.Mailcore()) as core:
        if as_csv:
            every = core.deliveries.every(alias=sender, status=status, since=since, search=search)
            output.csv(mailcore.deliveries_csv(every))
            return
        page = core.deliveries.page(
            alias=sender,
            status=status,
            since=since,
            search=search,
            limit=limit,
            offset=offset,
        )
    if as_json:
        output.document(page)
        return
    if page.deliveries:
        output.table(
            ("id", "time", "sender", "to", "subject", "status"),
            map(_row, page.deliveries),
            shortened=("to", "subject", "status"),
        )
    shown = offset + len(page.deliveries)
    if shown < page.matching or not page.deliveries:
        output.say(f"Showing {len(page.deliveries)} of {page.matching} deliveries.")


def _row(delivery: Delivery) -> tuple[str, ...]:
    outcome, why = delivery.status.value, delivery.error_code
    if delivery.waits_for:
        why = f"waits for {_WAITS_FOR[delivery.waits_for]}"
    return (
        output.short(delivery.id),
        output.moment(delivery.created_at),
        delivery.alias,
        ", ".join(delivery.recipients),
        delivery.subject,
        f"{outcome} ({why})" if why else outcome,
    )


def show(delivery_id: DeliveryId, *, as_json: JsonOption = False) -> None:
    """Show one delivery."""
    with closing(mailcore.Mailcore()) as core:
        delivery = core.deliveries.get(core.deliveries.whole_id(delivery_id))
    if as_json:
        output.document(delivery)
        return
    values = asdict(delivery)
    output.fields(
        {
            name.replace("_", " "): value
            for name, value in {
                **values,
                "recipients": ", ".join(delivery.recipients),
                "can_retry": "yes" if delivery.can_retry else None,
                "can_discard": "yes" if delivery.can_discard else None,
            }.items()
        }
    )


def arrived(delivery_id: DeliveryId, *, as_json: JsonOption = False) -> None:
    """Settle a message with unknown outcome as sent, because it has arrived."""
    with closing(mailcore.Mailcore()) as core:
        delivery = core.deliveries.settle_as_sent(core.deliveries.whole_id(delivery_id), by=BY)
    if as_json:
        output.document(delivery)
    output.say(f"Recorded as sent: the message to {', '.join(delivery.recipients)}.")


def retry(delivery_id: DeliveryId, *, as_json: JsonOption = False) -> None:
    """Send a message again now.

    It must have failed or lapsed, or have an unknown outcome. In the last case it may arrive twice.
    """
    with closing(mailcore.Mailcore()) as core:
        sent = core.deliveries.retry(core.deliveries.whole_id(delivery_id), by=BY)
    if as_json:
        output.document(sent)
    else:
        output.result(f"Sent through {sent.alias}. Gmail ID: {sent.gmail_id or 'unknown'}")


def discard(delivery_id: DeliveryId, *, as_json: JsonOption = False) -> None:
    """Discard a message, so that it isn't sent (again)."""
    with closing(mailcore.Mailcore()) as core:
        delivery = core.deliveries.discard(core.deliveries.whole_id(delivery_id), by=BY)
    if as_json:
        output.document(delivery)
    output.say(f"Discarded the message to {', '.join(delivery.recipients)}.")
