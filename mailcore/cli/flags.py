"""Errors in terms of flags."""

import re

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
    "from_address": "--from-address",
    "from_name": "--from-name",
    "headers": "--header",
    "attachments": "--attach",
    "inline": "--inline",
    "thread_id": "--thread-id",
    "in_reply_to": "--in-reply-to",
    "references": "--references",
    "idempotency_key": "--idempotency-key",
    "if_unknown": "--if-unknown",
    "timeout": "--timeout",
}
#: Where a text names an argument: at its start, or after one of these words.
_NAMED = re.compile(rf"(^|\b(?:[Gg]ive|in|into|[Ss]horten|[Uu]se) )({'|'.join(_FLAGS)})\b=?")


def wrong(flag: str, what: str) -> typer.BadParameter:
    """Return a usage error about a flag."""
    return typer.BadParameter(what, param_hint=flag)


def in_flags(error: InvalidMessage) -> InvalidMessage:
    """Return the error as the command line's: arguments that it names are named as flags."""
    flag = _FLAGS.get(error.field)
    message, remedy = _with_flags(error.message), error.remedy and _with_flags(error.remedy)
    if flag is not None and flag not in f"{message} {remedy}":
        message = f"{flag}: {message}"
    return InvalidMessage(message, remedy=remedy, field=error.field, alias=error.alias)


def _with_flags(text: str) -> str:
    return _NAMED.sub(lambda found: f"{found[1]}{_FLAGS[found[2]]}", text)
