"""Errors in terms of flags."""

import typer

from mailcore import InvalidMessage

#: The arguments of `send_email`, and their flags.
_FLAGS = {
    "to": "--to",
    "cc": "--cc",
    "bcc": "--bcc",
    "reply_to": "--reply-to",
    "subject": "--subject",
    "text": "--text",
    "html": "--html",
    "from_name": "--from-name",
    "headers": "--header",
    "attachments": "--attach",
    "inline": "--inline",
    "thread_id": "--thread-id",
    "in_reply_to": "--in-reply-to",
    "references": "--references",
    "idempotency_key": "--idempotency-key",
    "timeout": "--timeout",
}


def wrong(flag: str, what: str) -> typer.BadParameter:
    """Return a usage error about a flag."""
    return typer.BadParameter(what, param_hint=flag)


def in_flags(error: InvalidMessage) -> InvalidMessage:
    """Return the error with the flag at fault in front."""
    flag = _FLAGS.get(error.field)
    if flag is None:
        return error
    return InvalidMessage(
        f"{flag}: {error.message.removeprefix(f'{error.field}: ')}",
        remedy=error.remedy,
        field=error.field,
        alias=error.alias,
    )
