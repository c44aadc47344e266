"""`send`: everything that `send_email` takes, from arguments, files and stdin."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

import mailcore
from mailcore.cli import files, output
from mailcore.cli.flags import in_flags, wrong
from mailcore.cli.output import JsonOption
from mailcore.errors import InvalidMessage

_STDIN = "-"

_EXAMPLES = """Examples:

\b
  pal-e-mail send alerts --to ops@example.com --subject 'Disk is full' --text 'On db1.'
  df -h | pal-e-mail send alerts --to ops@example.com --subject Disks --text-file -
  pal-e-mail send reports --to 'Ann <ann@example.com>' --cc bob@example.com \\
      --subject Report --text 'As attached.' --html-file report.html \\
      --attach report.pdf --inline logo=logo.png --idempotency-key report-2026-11

Exit codes: 0 sent, 64 a flag is wrong, 65 the message is refused, 67 no such sender, 69 may have
been sent, 75 try later, 77 re-auth required or blocked, 78 configuration."""


def send(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)],
    *,
    to: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Repeatable, as are --cc and --bcc.")
    ] = None,
    subject: Annotated[str, typer.Option(help="One line.", show_default=False)],
    text: Annotated[str | None, typer.Option(help="The plain text; - reads stdin.")] = None,
    html: Annotated[str | None, typer.Option(help="The HTML; - reads stdin.")] = None,
    text_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="The plain text, from a file or -.")
    ] = None,
    html_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="The HTML, from a file or -.")
    ] = None,
    cc: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Further recipients.")
    ] = None,
    bcc: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Recipients others don't see.")
    ] = None,
    reply_to: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Where answers go.")
    ] = None,
    from_name: Annotated[str | None, typer.Option(help="The name beside the address.")] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="A further header.")
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file to attach; repeatable.")
    ] = None,
    inline: Annotated[
        list[str] | None,
        typer.Option(metavar="CID=FILE", help="An image for <img src='cid:CID'>; repeatable."),
    ] = None,
    thread_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Gmail's id of the thread.")
    ] = None,
    in_reply_to: Annotated[
        str | None, typer.Option(metavar="ID", help="The Message-ID it answers.")
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="The thread's Message-IDs so far; repeatable."),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key sends once, however often it is run.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for everything.")] = 30.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the message, and send nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send a mail, and wait until Gmail has taken it."""
    if _STDIN in {text, text_file} and _STDIN in {html, html_file}:
        raise wrong("--text and --html", "only one of them can come from standard input")
    arguments: dict[str, Any] = {
        "to": to,
        "subject": subject,
        "text": _body("text", text, text_file),
        "html": _body("html", html, html_file),
        "cc": cc,
        "bcc": bcc,
        "reply_to": reply_to,
        "from_name": from_name,
        "headers": _pairs("header", ":", header or ()),
        "attachments": attach or (),
        "inline": _pairs("inline", "=", inline or ()),
        "thread_id": thread_id,
        "in_reply_to": in_reply_to,
        "references": references,
        "idempotency_key": idempotency_key,
        "timeout": timeout,
    }
    _require_what_a_message_needs(arguments)
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
        typer.echo(f"Sent through {alias}: Gmail id {gmail_id}, delivery {sent.delivery_id}")


send.__doc__ = f"{send.__doc__}\n\n{_EXAMPLES}"


def _require_what_a_message_needs(arguments: dict[str, Any]) -> None:
    """Say in flags, before anything is done, what is missing or cannot be read."""
    recipients = (arguments[name] or () for name in ("to", "cc", "bcc"))
    if not any(address.strip() for given in recipients for address in given):
        raise wrong("--to", "nobody is to get the message; give --to, --cc or --bcc")
    if arguments["text"] is None and arguments["html"] is None:
        raise wrong("--text", "the message has no body; give --text, --html, or a file with one")
    if arguments["inline"] and arguments["html"] is None:
        raise wrong("--inline", "there is no HTML to show it; give --html, or --attach the file")
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
        raise wrong(f"--{name}", f"give it or --{name}-file, not both")
    if _STDIN in {given, file}:
        return files.decoded(f"--{name}", sys.stdin.buffer.read())
    return given if file is None else files.read_text(f"--{name}-file", Path(file))


def _pairs(option: str, separator: str, given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in given:
        name, found, value = item.partition(separator)
        if not found or not name.strip():
            raise wrong(f"--{option}", f"it takes a name, {separator!r} and a value, not {item!r}")
        if name.strip() in pairs:
            raise wrong(f"--{option}", f"it names {name.strip()!r} twice")
        pairs[name.strip()] = value.strip()
    return pairs
