"""Messages that other programs composed: what stays, what is added, what is refused."""

from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import InvalidMessage
from mailcore.message.whole_message import adopt

PLAIN = b"From: a@example.com\r\nTo: ann@example.com\r\nSubject: s\r\n\r\nbody\r\n"


def adopted(raw: bytes, *recipients: str) -> bytes:
    return adopt(raw, recipients=recipients or None, account="a@example.com").message.raw


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_will_do(end: bytes) -> None:
    """It leaves with those of mail."""
    raw = adopted(PLAIN.replace(b"\r\n", end))
    assert raw.endswith(b"\r\n\r\nbody\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_what_is_missing_is_added() -> None:
    """Date, Message-ID and MIME-Version; what is there stays as it was, lines and all."""
    kept = b"Subject: one\r\n two\r\nX-Odd:\tvalue\r\n"
    message = adopt(
        b"To: ann@example.com\r\n" + kept + b"\r\n", recipients=None, account=None
    ).message
    assert kept in message.raw
    parsed = BytesParser(policy=policy.SMTP).parsebytes(message.raw)
    assert parsed["Date"]
    assert parsed["Message-ID"] == message.message_id
    assert parsed["MIME-Version"] == "1.0"


def test_utf8_in_a_header_is_encoded() -> None:
    """As RFC 2047 has it, for readers that know nothing else."""
    raw = adopted("To: Jürgen <j@example.com>\r\nSubject: Größe\r\n\r\n".encode())
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    parsed = BytesParser(policy=policy.SMTP).parsebytes(raw)
    assert (str(parsed["Subject"]), str(parsed["To"])) == ("Größe", "Jürgen <j@example.com>")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "to"),
        (b"Subject: s\r\n\r\nnobody", "to"),
        (b"hello\r\n\r\n", "message"),
        (b"To: nobody\r\n\r\n", "to"),
        (b"To: ann@example.com\r\nSubject: \xff\r\n\r\n", "message"),
    ],
)
def test_what_cannot_be_sent_is_refused(raw: bytes, field: str) -> None:
    """With what is at fault."""
    with pytest.raises(InvalidMessage) as refused:
        adopted(raw)
    assert refused.value.field == field


def test_a_mailbox_files_first_line_is_left_out() -> None:
    """Programs that read from one pass it on."""
    assert b"From x" not in adopted(b"From x@example.com Sat Jan  1 00:00:00 2026\n" + PLAIN)


@given(st.binary(max_size=300))
def test_whatever_comes_it_is_adopted_or_refused(junk: bytes) -> None:
    """Nothing breaks, and nothing in it adds a recipient or a second From."""
    try:
        raw = adopted(PLAIN.replace(b"Subject: s", b"Subject: s" + junk), "ann@example.com")
    except InvalidMessage:
        return
    head = raw.partition(b"\r\n\r\n")[0].lower()
    assert b"\nfrom:" not in head
    assert not head.startswith(b"from:")
