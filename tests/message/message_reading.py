"""Write a message with what a test cares about; read it as strict recipients would."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import fast_mail_parser

from mailcore.message.compose import ComposedMessage, compose

_HEADER_LINE = re.compile(rb"[!-9;-~]+:|[ \t]+\S")


def write(**arguments: Any) -> ComposedMessage:
    """Compose with defaults for everything that the test does not name, and check the wire."""
    defaults = {
        "from_address": "alerts@example.com",
        "from_name": None,
        "to": "ops@example.com",
        "subject": "Disk is full",
    }
    if not arguments.keys() & {"text", "html"}:
        defaults["text"] = "It is."
    message = compose(**(defaults | arguments))
    assert_fit_for_the_wire(message.raw)
    return message


def assert_fit_for_the_wire(raw: bytes) -> None:
    """RFC 5322 section 2.1.1, RFC 2045 section 2.7, RFC 2047 section 2."""
    assert raw.isascii()
    assert b"\0" not in raw
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    for line in lines[: lines.index(b"")]:
        assert _HEADER_LINE.match(line), line
        assert b"=?utf-8?b?" not in line or len(line) <= 76, line


def read(message: ComposedMessage) -> EmailMessage:
    """Read with the standard library, which raises at the first defect."""
    strict = policy.SMTP.clone(raise_on_defect=True)
    parsed = message_from_bytes(message.raw, policy=strict)
    for part in parsed.walk():
        assert not part.defects
        for value in part.values():
            assert not getattr(value, "defects", ()), (value, value.defects)
    return parsed


def read_elsewhere(message: ComposedMessage) -> fast_mail_parser.PyMail:
    """Read with a parser that shares no code with the standard library."""
    mail = fast_mail_parser.parse_email(message.raw)
    assert not mail.warnings
    return mail


def decoded(part: Any) -> bytes:
    """Return a part's octets without its transfer encoding."""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content
