"""`deliveries hold|release|cancel|requeue`: actions on queued mail, on one or many messages."""

from contextlib import closing
from typing import Annotated, Any

import typer

import mailcore
from mailcore import DeliveryStatus, QueueChange, describe_messages
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.flags import wrong
from mailcore.cli.output import JsonOption

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="Their IDs; the first digits will do.", show_default=False
    ),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="All messages, or all that match the filters.")
]
SenderOption = Annotated[str | None, typer.Option(help="With --all: only this sender.")]
StatusOption = Annotated[
    DeliveryStatus | None, typer.Option(help="With --all: only those with this status.")
]
SearchOption = Annotated[
    str,
    typer.Option(
        help="With --all: only those with this text in their subject, recipients "
        "or idempotency key.",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")]


def hold(
    ids: Ids = None,
    *,
    every: AllOption = False,
    sender: SenderOption = None,
    status: StatusOption = None,
    search: SearchOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hold queued messages until they are released."""
    chosen = _chosen(ids, every=every, sender=sender, status=status, search=search)
    _change("hold", "Held", chosen, ask=every and not yes, as_json=as_json)


def release(
    ids: Ids = None,
    *,
    every: AllOption = False,
    sender: SenderOption = None,
    status: StatusOption = None,
    search: SearchOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Release messages that are held, or queued for later."""
    chosen = _chosen(ids, every=every, sender=sender, status=status, search=search)
    _change("release", "Released", chosen, ask=every and not yes, as_json=as_json)


def cancel(
    ids: Ids = None,
    *,
    every: AllOption = False,
    sender: SenderOption = None,
    status: StatusOption = None,
    search: SearchOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cancel queued messages, so that they are not sent."""
    chosen = _chosen(ids, every=every, sender=sender, status=status, search=search)
    _change("discard", "Cancelled", chosen, ask=every and not yes, as_json=as_json)


def requeue(
    ids: Ids = None,
    *,
    every: AllOption = False,
    sender: SenderOption = None,
    status: StatusOption = None,
    search: SearchOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Queue failed or lapsed messages again.

    Messages with unknown outcome are queued again only if you name them by ID, or with
    --status unknown; they may arrive twice.
    """
    chosen = _chosen(ids, every=every, sender=sender, status=status, search=search)
    _change("send_again", "Queued again:", chosen, ask=every and not yes, as_json=as_json)


def _chosen(
    ids: list[str] | None,
    *,
    every: bool,
    sender: str | None,
    status: DeliveryStatus | None,
    search: str,
) -> dict[str, Any]:
    """Return the filters, and refuse what may have been meant otherwise."""
    if bool(ids) == every:
        raise wrong("ID", "give one or more IDs, or --all")
    if ids and (sender or status or search):
        raise wrong("--all", "filters go with --all, not with IDs")
    if ids:
        return {"ids": ids}
    return {"alias": sender, "status": status, "search": search}


def _change(
    change: QueueChange,
    done: str,
    chosen: dict[str, Any],
    *,
    ask: bool,
    as_json: bool,
) -> None:
    with closing(mailcore.Mailcore()) as core:
        if ids := chosen.get("ids"):
            chosen = {"ids": [core.deliveries.whole_id(each) for each in ids]}
        if ask:
            _confirm(core.queue.count(change, **chosen))
        count: int = getattr(core.queue, change)(**chosen, by=BY)
    if as_json:
        output.document({"changed": count})
    output.say(f"{done} {describe_messages(count)}.")


def _confirm(count: int) -> None:
    output.say(f"This affects {describe_messages(count)}.")
    try:
        agreed = typer.confirm("Continue?", err=True)
    except typer.Abort as exc:
        output.say("")  # the prompt's line is still open
        raise wrong(
            "--all", "not confirmed, so nothing was changed; --yes skips the question"
        ) from exc
    if not agreed:
        raise wrong("--all", "not confirmed, so nothing was changed")
