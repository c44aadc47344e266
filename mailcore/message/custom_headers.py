"""Headers that callers give: the thread that a message answers, and their own."""

import re
from collections.abc import Iterator, Mapping, Sequence

from mailcore.errors import InvalidMessage
from mailcore.message.headers import header, header_text, shortened, unstructured

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_BETWEEN_MESSAGE_IDS = re.compile(r"[\s,]+|(?<=>)(?=<)")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")

#: Headers that an argument sets, and those that must agree with the rest of the message.
_OWN_HEADERS = {
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


def thread_headers(
    in_reply_to: str | None, references: Sequence[str] | str | None
) -> Iterator[str]:
    """Yield In-Reply-To and References, which ends with the parent (RFC 5322 section 3.6.4).

    Args:
        in_reply_to: one Message-ID, with or without angle brackets.
        references: some, oldest first.

    Raises:
        InvalidMessage: one of them is no Message-ID.
    """
    parents = _message_ids(in_reply_to, "in_reply_to")
    thread = _message_ids(references, "references")
    if len(parents) > 1:
        raise InvalidMessage(
            "in_reply_to must be one Message-ID; put earlier ones into references",
            field="in_reply_to",
        )
    if parents:
        yield header("In-Reply-To", parents)
    if thread or parents:
        yield header("References", dict.fromkeys([*thread, *parents]))


def further_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the caller's own headers.

    Args:
        headers: texts by name; they are taken as free text, and encoded where need be.

    Raises:
        InvalidMessage: one can't be written, or is set in another way.
    """
    if not isinstance(headers, Mapping):
        raise InvalidMessage(
            'headers must be a dict of names and texts, such as {"X-Job": "backup"}',
            field="headers",
        )
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise InvalidMessage(
                f"headers: {shortened(name)} can't be a header's name; take up to 76 printable "
                "ASCII characters, without spaces and colons",
                field="headers",
            )
        if name.lower() in _OWN_HEADERS or name.lower().startswith("content-"):
            argument = _OWN_HEADERS.get(name.lower())
            advice = f"use {argument}= instead" if argument else "it is set for every message"
            raise InvalidMessage(f"headers: {name} can't be given here; {advice}", field="headers")
        text = header_text(value, field="headers", what=f"the header {name}")
        yield unstructured(name, text.strip())


def _message_ids(value: Sequence[str] | str | None, argument: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, Sequence):
        raise InvalidMessage(
            f"{argument} must be a str or a list of str, not {type(value).__name__}",
            field=argument,
        )
    ids = []
    for text in [value] if isinstance(value, str) else value:
        checked = header_text(text, field=argument, what=argument)
        for found in filter(None, _BETWEEN_MESSAGE_IDS.split(checked)):
            message_id = found if found.startswith("<") else f"<{found}>"
            if not _MESSAGE_ID.fullmatch(message_id):
                raise InvalidMessage(
                    f"{argument}: {shortened(found)} is not a Message-ID; write it as "
                    "<id@example.com>, in ASCII and without spaces",
                    field=argument,
                )
            ids.append(message_id)
    return ids
