"""What to send → an RFC 5322 message. Pure: no network, no database, no settings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import format_datetime, make_msgid
from typing import Literal

from mailcore.clock import now
from mailcore.errors import InvalidMessage
from mailcore.message.addresses import (
    Addresses,
    Mailbox,
    display_name,
    mail_address,
    parse_addresses,
)
from mailcore.message.attachments import (
    MAX_ATTACHED,
    Attachment,
    AttachmentLike,
    attached_parts,
    inline_parts,
)
from mailcore.message.custom_headers import custom_headers, thread_headers
from mailcore.message.headers import (
    header,
    header_text,
    mailbox_header,
    surrogate_error,
    unstructured,
)
from mailcore.message.mime import Multipart, Part, serialise, text_part

__all__ = ["Addresses", "Attachment", "AttachmentLike", "ComposedMessage", "add_from", "compose"]

#: Gmail's limit for the encoded message:
#: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
MAX_MESSAGE = 35 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedMessage:
    """A message, ready for Gmail.

    Attributes:
        raw: lines ending in CRLF, Bcc included (Gmail reads and removes it). It is 7-bit, unless
            another program composed it.
        message_id: the Message-ID that it is handed to Gmail with, with its angle brackets.
            Gmail may replace it, so put later messages into its thread by ``thread_id``.
        recipients: every address of To, Cc and Bcc once, in ASCII.
        subject: as given, without surrounding spaces.
    """

    raw: bytes = field(repr=False)
    message_id: str
    recipients: tuple[str, ...]
    subject: str


def compose(
    *,
    from_address: str | None = None,
    from_name: str | None = None,
    to: Addresses | None = None,
    subject: str,
    text: str | None = None,
    html: str | None = None,
    cc: Addresses | None = None,
    bcc: Addresses | None = None,
    reply_to: Addresses | None = None,
    headers: Mapping[str, str] | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] | str | None = None,
    attachments: Sequence[AttachmentLike] = (),
    inline: Mapping[str, AttachmentLike] | None = None,
) -> ComposedMessage:
    """Build the message.

    Args:
        from_address: the sender's mailbox; None, where it is not known, leaves From to Gmail.
        from_name: what recipients see beside it, or None.
        to: addresses as str or list, with or without names; so are cc, bcc and reply_to.
        subject: may be empty.
        text: the plain body.
        html: the HTML body; with both, readers choose (multipart/alternative).
        cc: further recipients.
        bcc: recipients whom the others don't see.
        reply_to: where replies go, if not to the sender.
        headers: your own headers; none that another argument sets.
        in_reply_to: the Message-ID that this answers, as its recipients got it, with or
            without angle brackets.
        references: the Message-IDs of the thread, oldest first.
        attachments: files, at most 25 MB together with the inline ones.
        inline: images by the name under which the HTML shows them: ``<img src="cid:name">``.

    Raises:
        InvalidMessage: an argument is unusable; ``field`` names it.
    """
    senders = _senders(from_name, from_address)
    people = {
        "To": parse_addresses(to, field="to"),
        "Cc": parse_addresses(cc, field="cc"),
        "Bcc": parse_addresses(bcc, field="bcc"),
    }
    recipients = _recipients(people.values())
    subject = header_text(subject, field="subject", what="subject").strip()
    message_id = make_msgid(
        domain=senders[0].address.rpartition("@")[2] if senders else "gmail.com"
    )
    envelope = [
        *_address_headers(
            {
                "From": senders,
                **people,
                "Reply-To": parse_addresses(reply_to, field="reply_to"),
            }
        ),
        unstructured("Subject", subject),
        header("Date", [format_datetime(now())]),
        header("Message-ID", [message_id]),
        *thread_headers(in_reply_to, references),
        *custom_headers(headers or {}),
    ]
    raw = serialise(envelope, _content(text, html, attachments, inline or {}))
    if len(raw) > MAX_MESSAGE:
        raise _too_large(len(raw), text, html)
    return ComposedMessage(raw=raw, message_id=message_id, recipients=recipients, subject=subject)


def add_from(message: ComposedMessage, *, address: str, name: str | None) -> ComposedMessage:
    """Put From on top of a message that was composed without it.

    So a message can be checked and composed before it is known through whom it goes out.

    Args:
        message: composed with ``from_address=None``.
        address: the sender's mailbox.
        name: what recipients see beside it, or None.

    Raises:
        InvalidMessage: an argument is unusable; ``field`` names it.
    """
    [line] = _address_headers({"From": _senders(name, address)})
    return replace(message, raw=b"".join([line.encode("ascii"), b"\r\n", message.raw]))


def _senders(name: str | None, address: str | None) -> list[Mailbox]:
    shown = display_name(name or "", field="from_name")
    if address is None:
        return []
    return [Mailbox(name=shown, address=mail_address(address, field="from_address"))]


def _recipients(groups: Iterable[list[Mailbox]]) -> tuple[str, ...]:
    addresses = dict.fromkeys(person.address for group in groups for person in group)
    if not addresses:
        raise InvalidMessage(
            "The message has no recipient.",
            remedy='Give to, cc or bcc, such as to="ann@example.com".',
            field="to",
        )
    return tuple(addresses)


def _address_headers(groups: Mapping[str, list[Mailbox]]) -> Iterator[str]:
    for name, mailboxes in groups.items():
        if mailboxes:
            yield mailbox_header(name, ((each.name, each.address) for each in mailboxes))


def _content(
    text: str | None,
    html: str | None,
    attachments: Sequence[AttachmentLike],
    inline: Mapping[str, AttachmentLike],
) -> Part:
    """Return mixed(alternative(text, related(html, images)), files), as far as there are any."""
    bodies = [_body("text", text)] if text is not None else []
    images = inline_parts(inline)
    if html is not None:
        page = _body("html", html)
        related = Multipart("related", [page, *images], ['type="text/html"'])
        bodies.append(related if images else page)
    elif images:
        raise InvalidMessage(
            "inline: there is no HTML to show the images.",
            remedy='Give html with <img src="cid:…">, or use attachments.',
            field="inline",
        )
    if not bodies:
        raise InvalidMessage(
            "The message has no body.", remedy="Give text, html, or both.", field="text"
        )
    body = bodies[0] if len(bodies) == 1 else Multipart("alternative", bodies)
    room = MAX_ATTACHED - sum(len(image.content) for image in images)
    files = attached_parts(attachments, room=room)
    return Multipart("mixed", [body, *files]) if files else body


def _body(argument: Literal["text", "html"], value: str) -> Part:
    if not isinstance(value, str):
        raise InvalidMessage(
            f"{argument} must be a str, not {type(value).__name__}.",
            remedy="Decode bytes first.",
            field=argument,
        )
    try:
        return text_part("plain" if argument == "text" else "html", value)
    except UnicodeEncodeError as exc:
        raise surrogate_error(argument, exc, field=argument) from exc


def _too_large(size: int, text: str | None, html: str | None) -> InvalidMessage:
    # The files alone keep within Gmail's limit, so the longer body is what can give way.
    longest = "html" if len(html or "") > len(text or "") else "text"
    return InvalidMessage(
        f"The message is {size:,} bytes long; Gmail takes {MAX_MESSAGE:,} (35 MB).",
        remedy=f"Shorten {longest}, or send a link.",
        field=longest,
    )
