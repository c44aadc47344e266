"""Headers with a grammar of their own, and those that no caller may set."""

from typing import Any

import pytest

from mailcore.errors import InvalidMessage
from mailcore.message.compose import Attachment
from tests.message.message_reading import read, write


def refused(field: str, **arguments: Any) -> InvalidMessage:
    """Return the error that these arguments end in."""
    with pytest.raises(InvalidMessage) as caught:
        write(**arguments)
    assert caught.value.field == field
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", ["Sender", "Disposition-Notification-To", "errors-to"])
def test_only_the_name_of_an_address_is_encoded(name: str) -> None:
    """RFC 2047 section 5(3): a program that answers finds the address."""
    message = write(headers={name: "Jörg <j@example.com>"})

    assert b" <j@example.com>\r\n" in message.raw
    assert "Jörg" in read(message)[name]


def test_only_the_phrase_of_a_list_id_is_encoded() -> None:
    """RFC 2919: filters look for the id in its angle brackets."""
    message = write(headers={"List-Id": "Störungen <alerts.example.com>"})

    assert b" <alerts.example.com>\r\n" in message.raw
    assert read(message)["list-id"] == "Störungen <alerts.example.com>"


@pytest.mark.parametrize(
    "link",
    ["<https://example.com/u?a=?b?q?c?=>", f"<https://example.com/{'x' * 960}>"],
    ids=["looks encoded", "long"],
)
def test_links_are_never_encoded(link: str) -> None:
    """RFC 2369: an unsubscribe button finds its link."""
    message = write(headers={"List-Unsubscribe": link})

    assert f" {link}\r\n".encode() in message.raw


@pytest.mark.parametrize(
    "headers",
    [
        {"Sender": "a@example.com", "sender": "b@example.com"},
        {"Sender": "a@example.com, b@example.com"},
        {"Sender": "nobody"},
        {"List-Unsubscribe": "<https://example.com/ä>"},
        {"List-Unsubscribe": f"<https://example.com/{'x' * 1000}>"},
        {"List-Id": "no brackets"},
        {"Return-Path": "<a@example.com>"},
        {"Received": "from here"},
        {"Resent-To": "a@example.com"},
        {"resent-date": "today"},
        {"X-Job": "red\x1b[31m"},
    ],
)
def test_headers_that_break_a_rule_are_refused(headers: dict[str, str]) -> None:
    """Twice the same, more than one sender, no grammar, and what mail servers write."""
    refused("headers", headers=headers)


@pytest.mark.parametrize("bad", ["a@b@c", "..", ".a", "a.", "a..b", "@b", "a@"])
def test_content_ids_have_a_grammar(bad: str) -> None:
    """RFC 2392: words with dots between them, and at most one @."""
    refused("inline", html="", inline={bad: ("a.png", b"")})


@pytest.mark.parametrize("bad", ["page.html", "report.pdf", "Makefile"])
def test_inline_is_for_images(bad: str) -> None:
    """Mail programs show nothing else inside a page."""
    assert "image" in str(refused("inline", html="", inline={"a": (bad, b"")}))


@pytest.mark.parametrize(
    "bad",
    [
        "text/plain; charset=a; charset=b",
        "text/plain; a=b; A=c",
        "text/plain; charset=a; charset*=us-ascii''b",
    ],
)
def test_a_parameter_is_given_once(bad: str) -> None:
    """Two charsets would be read differently by different programs."""
    file = Attachment(filename="a.txt", content=b"", content_type=bad)

    refused("attachments", attachments=[file])


def test_a_message_id_has_an_at_sign() -> None:
    """RFC 5322 section 3.6.4."""
    refused("in_reply_to", in_reply_to="a")
    refused("references", references=["<a@example.com>", "<b>"])


@pytest.mark.parametrize("control", ["\x1b", "\x07", "\x7f"])
def test_control_characters_are_refused(control: str) -> None:
    """A subject or a file name that commands a terminal reaches nobody's."""
    refused("subject", subject=f"a{control}b")
    refused("attachments", attachments=[(f"a{control}b.txt", b"")])


def test_the_parent_comes_last() -> None:
    """RFC 5322 section 3.6.4, also where the caller listed it in the middle."""
    message = write(references=["<p@x>", "<q@x>"], in_reply_to="<p@x>")

    assert read(message)["references"] == "<q@x> <p@x>"
