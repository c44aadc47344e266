"""`senders list|show|add|confirm|remove|pause|resume`."""

from contextlib import closing
from dataclasses import asdict, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

import mailcore
from mailcore import (
    PalEMailError,
    Sender,
    SenderNotFound,
    SenderStatus,
    describe_drafts,
    describe_event,
    describe_grant,
    describe_messages,
    describe_revocation,
)
from mailcore.cli import files, output
from mailcore.cli.audit import BY
from mailcore.cli.exit_codes import ExitCode
from mailcore.cli.flags import wrong
from mailcore.cli.output import CsvOption, JsonOption
from mailcore.cli.wording import status

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)]


class Filter(StrEnum):
    """What `--status` takes: a status, or one of two conditions."""

    PENDING = "pending"
    HEALTHY = "healthy"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    EXPIRING = "expiring"
    #: Expiring or expired.
    DUE = "due"

    def for_page(self) -> SenderStatus | Literal["expiring", "due"]:
        """Return it as `SenderRegistry.every` takes it."""
        match self:
            case Filter.EXPIRING:
                return "expiring"
            case Filter.DUE:
                return "due"
            case _:
                return SenderStatus(self.value)


def with_suggestion(error: SenderNotFound) -> SenderNotFound:
    """Return the error with the alias that was probably meant, if there is one like it."""
    try:
        with closing(mailcore.Mailcore()) as core:
            known = [sender.alias for sender in core.senders.every()]
    except PalEMailError:  # the error is told all the same
        return error
    if meant := get_close_matches(error.alias or "", known, n=1):
        return replace(error, remedy=f"Did you mean {meant[0]}? {error.remedy or ''}".strip())
    return error


def list_(
    *,
    search: Annotated[
        str,
        typer.Option(help="Only those with this text in their alias, account, name or project."),
    ] = "",
    status_: Annotated[
        Filter | None,
        typer.Option(
            "--status", help="Only those with this status; due means expiring or expired."
        ),
    ] = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List senders, those that need attention first."""
    chosen = status_.for_page() if status_ else None
    with closing(mailcore.Mailcore()) as core:
        found = list(core.senders.every(search=search, status=chosen))
    if as_json:
        output.document({"senders": found})
    elif as_csv:
        output.csv(mailcore.senders_csv(found))
    elif found:
        output.table(
            ("sender", "status", "account", "project", "grant", "last sent", "queued", "unknown"),
            map(_row, found),
            shortened=("account", "project", "grant"),
        )
    else:
        output.say("No senders found. Add one with `pal-e-mail senders add ALIAS`.")


def _row(sender: Sender) -> tuple[str, ...]:
    return (
        sender.alias,
        status(sender),
        sender.gmail_account or "any",
        sender.project or "",
        describe_grant(sender, mailcore.now()),
        output.moment(sender.last_sent_at),
        str(sender.queued or ""),
        str(sender.unknown or ""),
    )


def show(alias: Alias, *, as_json: JsonOption = False) -> None:
    """Show one sender and its recent history."""
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
            "sends as": ", ".join(sender.send_as),
            "fallback": sender.fallback_alias
            and f"{sender.fallback_alias}, after {sender.fallback_after // 60} min",
            "sends": describe_drafts(sender),
            "to be confirmed": sender.offered_account,
            "name": sender.display_name,
            "project": sender.project,
            "grant": describe_grant(sender, mailcore.now()),
            "granted": sender.grant_issued_at,
            "permissions": " ".join(sender.granted_scopes),
            "service account": sender.service_account,
            "OAuth client": None
            if sender.service_account
            else "its own"
            if sender.has_own_client
            else "the deployment's",
            "last asked": sender.asked_at,
            "last sent": sender.last_sent_at,
            "last error": sender.last_error_text,
            "paused by": sender.paused_by,
            "queued": sender.queued or None,
            "held": sender.held or None,
            "unknown outcome": sender.unknown or None,
        }
    )
    output.table(
        ("time", "event", "by", "detail"),
        ((output.moment(at.at), describe_event(at.what), at.who, at.detail or "") for at in events),
    )


def confirm(
    alias: Alias,
    account: Annotated[
        str,
        typer.Argument(metavar="ACCOUNT", help="The account that `senders show` names."),
    ],
    *,
    reject: Annotated[bool, typer.Option("--reject", help="Reject the account instead.")] = False,
) -> None:
    """Confirm the account that was chosen through a link, for a sender that had none."""
    with closing(mailcore.Mailcore()) as core:
        decide = core.offers.reject if reject else core.offers.confirm
        decide(alias, account, by=BY)
    done = f"Rejected {account} for {alias}." if reject else f"{alias} now sends as {account}."
    output.say(done)


def add(
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="The name that jobs use.", show_default=False)
    ],
    *,
    account: Annotated[
        str | None, typer.Option(help="The Gmail account; by default, the first one that consents.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The display name that recipients see.")] = None,
    project: Annotated[str | None, typer.Option(help="The project to group it under.")] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The credentials.json of the sender's own OAuth client."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a sender. Then authorise it with `pal-e-mail auth`."""
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
    output.say(f"Added {alias}. Now authorise it: pal-e-mail auth {alias}")


def remove(
    alias: Alias,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
    keep_grant: Annotated[
        bool, typer.Option("--keep-grant", help="Don't revoke its grant at Google.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a sender permanently and revoke its grant. Its history and deliveries are kept."""
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.get(alias)
        if not yes:
            _confirm(sender)
        deleted = core.senders.delete(alias, by=BY, keep_grant=keep_grant)
    if as_json:
        output.document(deleted)
    discarded = deleted.discarded_deliveries
    output.say(
        f"Deleted {alias}." + (f" Discarded {describe_messages(discarded)}." if discarded else "")
    )
    if grant := describe_revocation(deleted.grant):
        output.say(grant)


def send_as(
    alias: Alias,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADDRESS]...", help="All of them.", show_default=False),
    ] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Take them all away.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say as which further addresses a sender may send.

    Each has to be set up in the account's own Gmail settings, under "Send mail as": Gmail silently
    replaces an address that it doesn't know.
    """
    if bool(addresses) == none:
        raise wrong("[ADDRESS]... and --none", "give addresses, or --none")
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.update(alias, send_as=addresses or (), by=BY)
    if as_json:
        output.document(sender)
    own = ", ".join(part for part in (sender.gmail_account, *sender.send_as) if part)
    output.say(f"{alias} may send as {own or 'the account of its first consent'}.")


def fallback(
    alias: Alias,
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="The fallback.", show_default=False)
    ] = None,
    *,
    after: Annotated[
        int, typer.Option(min=0, metavar="MINUTES", help="How long ALIAS must have been unable.")
    ] = 15,
    none: Annotated[bool, typer.Option("--none", help="Take it away.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a sender a fallback: through it goes queued mail that allows it.

    That happens only while ALIAS is expired or blocked. From is then the fallback's account, and
    answers go to that of ALIAS.
    """
    if bool(other) == none:
        raise wrong("[OTHER] and --none", "name another sender, or give --none")
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.set_fallback(alias, other, after=after * 60, by=BY)
    if as_json:
        output.document(sender)
    if other:
        output.say(f"After {after} min, mail of {alias} that allows it goes out through {other}.")
    else:
        output.say(f"{alias} has no fallback.")


def drafts(
    alias: Alias,
    switch: Annotated[
        Literal["on", "off"], typer.Argument(metavar="on|off", help="Whether it sends drafts.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Send a sender's mail as drafts, so that an unknown outcome settles itself.

    It needs a wider permission, which the next re-auth asks for, and takes two calls to Gmail
    instead of one.
    """
    with closing(mailcore.Mailcore()) as core:
        sender = core.senders.set_use_drafts(alias, switch == "on", by=BY)
    if as_json:
        output.document(sender)
    output.say(f"{alias} now sends {describe_drafts(sender)}.")


def service_account(
    alias: Alias,
    key: Annotated[
        Path, typer.Argument(metavar="FILE", help="Its key, as Google's console hands it out.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Have a sender send with a service account of its Workspace, without anybody's consent.

    The Workspace's admin has to allow it first, by domain-wide delegation. Its access never
    expires. `pal-e-mail auth` goes back to a person's consent.
    """
    with closing(mailcore.Mailcore()) as core:
        sender = core.service_accounts.use(alias, files.read_text("FILE", key), by=BY)
    if as_json:
        output.document(sender)
    output.say(f"{alias} now sends from {sender.gmail_account} with {sender.service_account}.")


def pause(alias: Alias, *, as_json: JsonOption = False) -> None:
    """Pause a sender's queue until it is resumed. `send` is not affected."""
    with closing(mailcore.Mailcore()) as core:
        sender = core.queue.pause(alias, by=BY)
    if as_json:
        output.document(sender)
    waiting = f" {describe_messages(sender.queued)} waiting." if sender.queued else ""
    output.say(f"Paused {alias}.{waiting} Resume it with `pal-e-mail senders resume {alias}`.")


def resume(alias: Alias, *, as_json: JsonOption = False) -> None:
    """Resume a sender's queue."""
    with closing(mailcore.Mailcore()) as core:
        sender = core.queue.resume(alias, by=BY)
    if as_json:
        output.document(sender)
    waiting = f" {describe_messages(sender.queued)} waiting." if sender.queued else ""
    output.say(f"Resumed {alias}.{waiting}")


def _confirm(sender: Sender) -> None:
    waiting = sender.queued
    held = f" It also discards {describe_messages(waiting)} waiting for it." if waiting else ""
    output.say(f"This deletes {sender.alias} and its grant permanently.{held}")
    typed = output.ask("Type the alias to confirm", unconfirmed="Nothing was deleted.")
    if typed != sender.alias:
        output.say(f"That doesn't match {sender.alias}. Nothing was deleted.")
        raise typer.Exit(ExitCode.USAGE)
