"""`send`: everything that `send_email` takes, from flags, files and stdin."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

import mailcore
from mailcore import IfUnknown, InvalidMessage
from mailcore.cli import files, output
from mailcore.cli.flags import in_flags, wrong
from mailcore.cli.output import JsonOption

_STDIN = "-"

_EXAMPLES = """Examples:

\b
  pal-e-mail send alerts --to ops@example.com --subject 'Disk is full' --text 'On db1.'
  df -h | pal-e-mail send alerts --to ops@example.com --subject Disks --text-file -
  pal-e-mail send reports --to 'Ann <ann@example.com>' --cc bob@example.com \\
      --subject Report --text 'As attached.' --html-file report.html \\
      --attach report.pdf --inline logo=logo.png --idempotency-key report-2026-11

Exit codes: 0 sent, 64 a flag is wrong, 65 message rejected, 67 no such sender, 69 outcome unknown,
75 try again later, 77 re-auth required or account blocked, 78 configuration error."""


def send(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)],
    *,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Recipient; repeatable, as are --cc and --bcc."),
    ] = None,
    subject: Annotated[str, typer.Option(help="The subject line.", show_default=False)],
    text: Annotated[str | None, typer.Option(help="The plain-text body; - reads stdin.")] = None,
    html: Annotated[str | None, typer.Option(help="The HTML body; - reads stdin.")] = None,
    text_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The plain-text body from a file, or from stdin (-)."),
    ] = None,
    html_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The HTML body from a file, or from stdin (-)."),
    ] = None,
    cc: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Copy recipient.")] = None,
    bcc: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Blind copy recipient.")
    ] = None,
    reply_to: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Address for replies; repeatable.")
    ] = None,
    from_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="One that the sender may send as.")
    ] = None,
    from_name: Annotated[str | None, typer.Option(help="Name shown as the sender.")] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: VALUE'", help="An additional header; repeatable."),
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file to attach; repeatable.")
    ] = None,
    inline: Annotated[
        list[str] | None,
        typer.Option(metavar="CID=FILE", help="An image for <img src='cid:CID'>; repeatable."),
    ] = None,
    thread_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Gmail's ID of the thread to add it to.")
    ] = None,
    in_reply_to: Annotated[
        str | None, typer.Option(metavar="ID", help="The Message-ID it replies to.")
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="The thread's Message-IDs so far; repeatable."),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Messages with the same key are sent only once.")
    ] = None,
    if_unknown: Annotated[
        IfUnknown,
        typer.Option(
            help="If it is unclear whether Gmail accepted it: ask a person, or send it again."
        ),
    ] = IfUnknown.ASK,
    timeout: Annotated[float, typer.Option(help="Total time limit in seconds.")] = 30.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the message instead of sending it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send a message, and wait until Gmail has accepted it."""
    if _STDIN in {text, text_file} and _STDIN in {html, html_file}:
        raise wrong("--text and --html", "only one of them can read stdin")
    arguments: dict[str, Any] = {
        "to": to,
        "subject": subject,
        "text": _body("text", text, text_file),
        "html": _body("html", html, html_file),
        "cc": cc,
        "bcc": bcc,
        "reply_to": reply_to,
        "from_address": from_address,
        "from_name": from_name,
        "headers": _pairs("header", ":", header or ()),
        "attachments": attach or (),
        "inline": _pairs("inline", "=", inline or ()),
        "thread_id": thread_id,
        "in_reply_to": in_reply_to,
        "references": references,
        "idempotency_key": idempotency_key,
        "if_unknown": if_unknown,
        "timeout": timeout,
    }
    _require_complete(arguments)
    try:
        with closing(mailcore.Mailcore()) as core:
            if dry_run:
                _show(core.send_email(alias, dry_run=True, **arguments), as_json=as_json)
                return
            sent = core.send_email(alias, **arguments)
    except InvalidMessage as exc:
        raise in_flags(exc) from exc
    if as_json:
        output.document(sent)
    else:
        gmail_id = sent.gmail_id or "unknown"
        delivery = f"delivery ID: {sent.delivery_id}"
        output.result(f"Sent through {alias}. Gmail ID: {gmail_id}, {delivery}")


send.__doc__ = f"{send.__doc__}\n\n{_EXAMPLES}"


def _require_complete(arguments: dict[str, Any]) -> None:
    """Check up front, in terms of flags, that nothing is missing or unreadable."""
    recipients = (arguments[name] or () for name in ("to", "cc", "bcc"))
    if not any(address.strip() for given in recipients for address in given):
        raise wrong("--to", "no recipients; give --to, --cc or --bcc")
    if arguments["text"] is None and arguments["html"] is None:
        raise wrong("--text", "no body; give --text, --html, --text-file or --html-file")
    if arguments["inline"] and arguments["html"] is None:
        raise wrong("--inline", "there is no HTML body to show it in; give --html, or use --attach")
    for path in arguments["attachments"]:
        files.require_readable("--attach", path)
    for name in arguments["inline"].values():
        files.require_readable("--inline", Path(name))


def _show(message: "mailcore.ComposedMessage", *, as_json: bool) -> None:
    raw = message.raw.decode("ascii")
    if as_json:
        output.document(
            {
                "dry_run": True,
                "message_id": message.message_id,
                "recipients": message.recipients,
                "subject": message.subject,
                "raw": raw,
            }
        )
    else:
        typer.echo(raw.replace("\r\n", "\n"))


def _body(name: str, given: str | None, file: str | None) -> str | None:
    if given is not None and file is not None:
        raise wrong(f"--{name}", f"give either this or --{name}-file, not both")
    if _STDIN in {given, file}:
        return files.decoded(f"--{name}", sys.stdin.buffer.read())
    return given if file is None else files.read_text(f"--{name}-file", Path(file))


def _pairs(option: str, separator: str, given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in given:
        name, found, value = item.partition(separator)
        if not found or not name.strip():
            raise wrong(f"--{option}", f"expected NAME{separator}VALUE, got {item!r}")
        if name.strip() in pairs:
            raise wrong(f"--{option}", f"{name.strip()!r} is given twice")
        pairs[name.strip()] = value.strip()
    return pairs
