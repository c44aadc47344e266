"""`senders list|show|add|remove`."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

import mailcore
from mailcore.cli import files, output
from mailcore.cli.audit import BY
from mailcore.cli.flags import wrong
from mailcore.cli.output import JsonOption
from mailcore.cli.wording import countdown, mails, status
from mailcore.status import SenderStatus
from mailcore.values.senders import Revocation, Sender

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)]

#: How many senders are read at a time.
_BATCH = 500


class Filter(StrEnum):
    """What `--status` takes: a state, or one of the two facts about it."""

    PENDING = "pending"
    HEALTHY = "healthy"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    EXPIRING = "expiring"
    #: Expiring or expired.
    DUE = "due"

    def for_page(self) -> SenderStatus | Literal["expiring", "due"]:
        """Return it as `SenderRegistry.page` takes it."""
        match self:
            case Filter.EXPIRING:
                return "expiring"
            case Filter.DUE:
                return "due"
            case _:
                return SenderStatus(self.value)


def every(
    core: "mailcore.Mailcore",
    *,
    search: str = "",
    status: SenderStatus | Literal["expiring", "due"] | None = None,
) -> Iterator[Sender]:
    """Yield every matching sender, those that need a person first."""
    offset = 0
    while True:
        page = core.senders.page(search=search, status=status, offset=offset, limit=_BATCH)
        yield from page.senders
        offset += _BATCH
        if offset >= page.matching:
            return


def list_(
    *,
    search: Annotated[str, typer.Option(help="Part of an alias, account, name or project.")] = "",
    status_: Annotated[
        Filter | None, typer.Option("--status", help="Only these; due: expiring or expired.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the senders, those that need somebody first."""
    chosen = status_.for_page() if status_ else None
    with closing(mailcore.Mailcore()) as core:
        found = list(every(core, search=search, status=chosen))
    if as_json:
        output.document({"senders": found})
    elif found:
        output.table(
            ("sender", "status", "account", "project", "grant", "last sent", "held", "unknown"),
            map(_row, found),
        )
    else:
        output.say("No sender. `pal-e-mail senders add ALIAS` registers one.")


def _row(sender: Sender) -> tuple[str, ...]:
    return (
        sender.alias,
        status(sender),
        sender.gmail_account or "any",
        sender.project or "",
        countdown(sender),
        output.moment(sender.last_sent_at),
        str(sender.held or ""),
        str(sender.unknown or ""),
    )


def show(alias: Alias, *, as_json: JsonOption = False) -> None:
    """Show one sender, with its latest history."""
    with closing(mailcore.Mailcore()) as core:
        sender, events = core.senders.get(alias), core.senders.events(alias, limit=10)
    if as_json:
        output.document({**asdict(sender), "events": events})
        return
    output.fields(
        {
            "alias": sender.alias,
            "status": status(sender),
            "reason": sender.status_reason,
            "account": sender.gmail_account or "any",
            "name": sender.display_name,
            "project": sender.project,
            "grant": countdown(sender),
            "granted": sender.grant_issued_at,
            "permissions": " ".join(sender.granted_scopes),
            "OAuth client": "its own" if sender.has_own_client else "the deployment's",
            "last sent": sender.last_sent_at,
            "last error": sender.last_error_text,
            "held mail": sender.held or None,
            "unknown mail": sender.unknown or None,
        }
    )
    output.table(
        ("when", "what", "who", "detail"),
        ((output.moment(at.at), at.what, at.who, at.detail or "") for at in events),
    )


def add(
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="The name that jobs use.", show_default=False)
    ],
    *,
    account: Annotated[
        str | None, typer.Option(help="The mailbox; without it, the first that consents.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The name that recipients see.")] = None,
    project: Annotated[str | None, typer.Option(help="What the sender belongs to.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its own credentials.json.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Register a sender. `pal-e-mail auth` authorises it then."""
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.register(
            alias,
            gmail_account=account,
            display_name=name,
            project=project,
            credentials_json=files.read_text("--credentials", credentials) if credentials else None,
            by=BY,
        )
    if as_json:
        output.document(sender)
    output.say(f"Registered {alias}. Authorise it: pal-e-mail auth {alias}")


def remove(
    alias: Alias,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    keep_grant: Annotated[
        bool, typer.Option("--keep-grant", help="Don't revoke its grant at Google.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a sender for good, and revoke its grant. Its history and deliveries stay."""
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.get(alias)
        if not yes:
            _have_it_typed(sender)
        deleted = core.senders.delete(alias, by=BY, keep_grant=keep_grant)
    if as_json:
        output.document(deleted)
    discarded = deleted.discarded_deliveries
    output.say(f"Removed {alias}." + (f" Discarded {mails(discarded)}." if discarded else ""))
    if deleted.grant in _GRANT:
        output.say(_GRANT[deleted.grant])


_GRANT = {
    Revocation.REVOKED: "Its grant at Google is revoked.",
    Revocation.FAILED: "Its grant could not be revoked: remove this app's access at "
    "myaccount.google.com/permissions.",
    Revocation.KEPT: "Its grant at Google is kept.",
    Revocation.SHARED: "Its grant at Google is kept, as another sender uses the same account.",
}


def _have_it_typed(sender: Sender) -> None:
    held = f" It also discards {mails(sender.held)} that it holds." if sender.held else ""
    output.say(f"This removes {sender.alias} and its grant for good.{held}")
    try:
        typed = typer.prompt("Type the alias to go on", err=True)
    except typer.Abort as exc:
        output.say("")  # the prompt's line is still open
        raise wrong("ALIAS", "nobody typed it, so it stays; with --yes nobody is asked") from exc
    if typed != sender.alias:
        raise wrong("ALIAS", f"what was typed is not {sender.alias}, so it stays")
