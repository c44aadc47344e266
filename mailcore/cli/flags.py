"""What is wrong with a flag, in the words of the command line."""

import re

import typer

from mailcore.errors import InvalidMessage

#: The arguments of `send_email`, and the flags that they are given by.
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
#: Where a text names an argument: at its start, or after one of these words.
_NAMED = re.compile(rf"(^|\b(?:[Gg]ive|in|into|[Ss]horten|[Uu]se) )({'|'.join(_FLAGS)})\b=?")


def wrong(flag: str, what: str) -> typer.BadParameter:
    """Return the error for a flag that the command line itself got wrong."""
    return typer.BadParameter(what, param_hint=flag)


def in_flags(error: InvalidMessage) -> InvalidMessage:
    """Return the error with the flag at fault in its text, where the argument was named."""
    text = _NAMED.sub(lambda found: f"{found[1]}{_FLAGS[found[2]]}", str(error))
    flag = _FLAGS.get(error.field)
    if flag is not None and flag not in text:
        text = f"{flag}: {text}"
    return InvalidMessage(text, field=error.field, alias=error.alias)
