"""Headers that callers give: the thread that a message answers, and their own."""

import re
from collections.abc import Iterator, Mapping, Sequence

from mailcore.errors import InvalidMessage
from mailcore.message.headers import header, header_text, shortened, unstructured
from mailcore.message.structured_headers import STRUCTURED

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_BETWEEN_MESSAGE_IDS = re.compile(r"[\s,]+|(?<=>)(?=<)")
# Some programs write a second @ into their ids, and their messages must be answered too.
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?-~]+>")
_LONGEST_MESSAGE_ID = 900

#: Headers that an argument sets, and those that must agree with the rest of the message.
_SET_OTHERWISE = {
    "from": "from_name",
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
    "reply-to": "reply_to",
    "subject": "subject",
    "in-reply-to": "in_reply_to",
    "references": "references",
    "date": None,
    "message-id": None,
    "mime-version": None,
}
#: Headers that the mail servers on a message's way write (RFC 5321 section 4.4).
_OF_MAIL_SERVERS = frozenset({"return-path", "received"})


def thread_headers(
    in_reply_to: str | None, references: Sequence[str] | str | None
) -> Iterator[str]:
    """Yield In-Reply-To and References, which ends with the parent (RFC 5322 section 3.6.4).

    Args:
        in_reply_to: one Message-ID, with or without angle brackets.
        references: any number, oldest first.

    Raises:
        InvalidMessage: one of them is not a Message-ID.
    """
    parents = _message_ids(in_reply_to, "in_reply_to")
    thread = _message_ids(references, "references")
    if len(parents) > 1:
        raise InvalidMessage(
            "in_reply_to must be one Message-ID.",
            remedy="List the earlier ones in references.",
            field="in_reply_to",
        )
    if parents:
        yield header("In-Reply-To", parents)
    if thread or parents:
        earlier = [each for each in dict.fromkeys(thread) if each not in parents]
        yield header("References", [*earlier, *parents])


def custom_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the caller's own headers.

    Args:
        headers: values by name. Those with a grammar, such as Sender or List-Unsubscribe,
            must keep to it; all others are free text. What ASCII can't carry is encoded.

    Raises:
        InvalidMessage: one of them can't be written, or must be set in another way.
    """
    if not isinstance(headers, Mapping):
        raise InvalidMessage(
            f"headers must be a dict, not {type(headers).__name__}.",
            remedy='Give names and values, such as {"X-Job": "backup"}.',
            field="headers",
        )
    names: set[str] = set()
    for name, value in headers.items():
        _check_name(name)
        if name.lower() in names:
            raise InvalidMessage(
                f"headers: {name} is given twice; upper and lower case make no difference.",
                remedy="Give it once.",
                field="headers",
            )
        names.add(name.lower())
        text = header_text(value, field="headers", what=f"the header {name}").strip()
        write = STRUCTURED.get(name.lower(), unstructured)
        yield write(name, text)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise InvalidMessage(
            f"headers: {shortened(name)} can't be the name of a header.",
            remedy="Use up to 76 printable ASCII characters, without spaces and colons.",
            field="headers",
        )
    lower = name.lower()
    if argument := _SET_OTHERWISE.get(lower):
        remedy = f"Use {argument}= instead."
    elif lower in _SET_OTHERWISE or lower.startswith("content-"):
        remedy = "Leave it out; every message gets its own."
    elif lower in _OF_MAIL_SERVERS:
        remedy = "Leave it out; mail servers add it."
    elif lower.startswith("resent-"):
        remedy = "Leave it out; it is for messages that are resent unchanged (RFC 5322)."
    else:
        return
    raise InvalidMessage(f"headers: {name} can't be given here.", remedy=remedy, field="headers")


def _message_ids(value: Sequence[str] | str | None, argument: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, Sequence):
        raise InvalidMessage(
            f"{argument} must be a str or a list of str, not {type(value).__name__}.",
            remedy='Write a Message-ID as "<id@example.com>".',
            field=argument,
        )
    ids = []
    for text in [value] if isinstance(value, str) else value:
        checked = header_text(text, field=argument, what=argument)
        for found in filter(None, _BETWEEN_MESSAGE_IDS.split(checked)):
            message_id = found if found.startswith("<") else f"<{found}>"
            if len(message_id) > _LONGEST_MESSAGE_ID or not _MESSAGE_ID.fullmatch(message_id):
                raise InvalidMessage(
                    f"{argument}: {shortened(found)} is not a Message-ID.",
                    remedy="Write it as <id@example.com>, in ASCII and without spaces.",
                    field=argument,
                )
            ids.append(message_id)
    return ids
