"""`check`: ask Google about every grant, in parallel."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer

import mailcore
from mailcore import PalEMailError, Sender, SenderStatus, describe_age, describe_messages
from mailcore.cli import output, wording
from mailcore.cli.exit_codes import ExitCode, exit_code
from mailcore.cli.output import JsonOption

#: In the order in which they are counted.
_STATUSES = ("healthy", "expiring", "expired", "blocked", "pending")

#: Fewer than the connections that the database pool hands out.
_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one check: the sender as it is now, or why Google could not be asked."""

    sender: Sender
    error: PalEMailError | None = None

    @property
    def cannot_send(self) -> bool:
        """Nothing goes out through it until someone acts."""
        return self.error is None and self.sender.status is not SenderStatus.HEALTHY

    @property
    def needs_reauth(self) -> bool:
        """A re-auth lets it send."""
        return self.cannot_send and self.sender.status is not SenderStatus.BLOCKED

    def row(self) -> tuple[str, ...]:
        """Return its line of the table."""
        sender, at = self.sender, mailcore.now()
        account = sender.gmail_account or "any"
        asked = describe_age(sender.asked_at, at) if sender.asked_at else "never"
        if self.error is not None:
            return sender.alias, "not checked", account, asked, self.error.message
        detail = sender.status_reason or mailcore.describe_grant(sender, at)
        return sender.alias, wording.status(sender), account, asked, detail

    def facts(self) -> dict[str, object]:
        """Return its JSON object."""
        error = self.error and {"code": self.error.code, "message": str(self.error)}
        return {
            "sender": self.sender,
            "asked_at": self.sender.asked_at,
            "cannot_send": self.cannot_send,
            "error": error,
        }


def check(
    aliases: Annotated[
        list[str] | None, typer.Argument(metavar="ALIAS", help="Check only these senders.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Ask Google whether every grant still works; exit with 1 if a sender cannot send.

    It also says how many messages have an unknown outcome. They don't affect the exit code:
    other messages still go out.
    """
    with closing(mailcore.Mailcore()) as core:
        chosen = [core.senders.get(alias) for alias in aliases or ()] or list(core.senders.every())
        results = _check_all(core, chosen)
        unknown = _unknown(core, results, everyone=not aliases)
    if as_json:
        output.document({"results": [result.facts() for result in results], "unknown": unknown})
    elif results:
        head = ("sender", "status", "account", "last asked", "detail")
        output.table(head, (each.row() for each in results))
    output.say(_summary(results))
    if any(result.needs_reauth for result in results):
        output.say("Authorise with `pal-e-mail auth ALIAS`, or on the admin page.")
    if unknown:
        output.say(_unknown_notice(unknown))
    raise typer.Exit(_code(results))


def _check_all(core: "mailcore.Mailcore", chosen: Sequence[Sender]) -> list[Checked]:
    """Check in parallel; the results come in the order of the senders."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = {pool.submit(_check, core, sender): sender.alias for sender in chosen}
        try:
            for _ in _progress(futures):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _check(core: "mailcore.Mailcore", sender: Sender) -> Checked:
    try:
        return Checked(core.check(sender.alias))
    except PalEMailError as exc:
        return Checked(sender, exc)


def _progress(futures: dict[Future[Checked], str]) -> Iterator[Future[Checked]]:
    from rich.console import Console  # noqa: PLC0415 - slow to load
    from rich.progress import track  # noqa: PLC0415 - slow to load

    return iter(
        track(
            as_completed(futures),
            description="Checking with Google",
            total=len(futures),
            console=Console(stderr=True),
            transient=True,
            disable=not Console(stderr=True).is_terminal,
        )
    )


def _unknown(core: "mailcore.Mailcore", results: Sequence[Checked], *, everyone: bool) -> int:
    """Count the messages with unknown outcome; for everyone, those of deleted senders, too."""
    if everyone:
        return core.senders.page(limit=1).unknown
    return sum(result.sender.unknown for result in results)


def _summary(results: Sequence[Checked]) -> str:
    if not results:
        return "There are no senders."
    found = Counter(wording.status(each.sender) for each in results if each.error is None)
    parts = [f"{found[name]} {name}" for name in _STATUSES if found[name] or name == "healthy"]
    if failed := len(results) - found.total():
        parts.append(f"{failed} could not be checked")
    return f"{', '.join(parts)}."


def _unknown_notice(unknown: int) -> str:
    return (
        f"{describe_messages(unknown)} may or may not have been sent. List them with `pal-e-mail "
        "deliveries list --status unknown`, then use `deliveries arrived`, `retry` or `discard`."
    )


def _code(results: Sequence[Checked]) -> int:
    if any(result.cannot_send for result in results):
        return ExitCode.CANNOT_SEND
    return max((exit_code(each.error) for each in results if each.error), default=ExitCode.DONE)
