"""What stands above the body."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidMessage
from tests.message.message_reading import read, read_elsewhere, write

#: The controls of ASCII are refused, apart from the tab.
CONTROLS = "".join(map(chr, {*range(0x20), 0x7F} - {0x09}))
HEADER_TEXT = st.text(
    st.characters(exclude_characters=CONTROLS, exclude_categories=["Cs"]), max_size=300
)
PLANES = "".join(chr(plane << 16 | 0xF800) for plane in range(17))

#: Every place in which a caller's text becomes a header, with a text put into it.
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "subject": lambda text: {"subject": text},
    "from_name": lambda text: {"from_name": text},
    "to": lambda text: {"to": [(text, "ann@example.com")]},
    "cc": lambda text: {"cc": f"{text} <ann@example.com>"},
    "bcc": lambda text: {"bcc": f"ann@example.com{text}"},
    "reply_to": lambda text: {"reply_to": f"ann@{text}example.com"},
    "headers": lambda text: {"headers": {"X-Job": text}},
    "in_reply_to": lambda text: {"in_reply_to": f"<a{text}@example.com>"},
    "references": lambda text: {"references": ["<a@example.com>", f"<{text}@example.com>"]},
    "attachments": lambda text: {"attachments": [(text, b"")]},
    "inline": lambda text: {"html": "", "inline": {"logo": (text, b"")}},
}


@pytest.mark.parametrize("field", PLACES)
@given(before=HEADER_TEXT, after=HEADER_TEXT, evil=st.sampled_from(["\r\n", "\n", "\r", "\0"]))
def test_no_text_can_forge_a_header(field: str, before: str, after: str, evil: str) -> None:
    """A line break in any argument is refused, with the argument named."""
    with pytest.raises(InvalidMessage) as caught:
        write(**PLACES[field](before + evil + after))

    assert caught.value.field == field
    assert "line break" in str(caught.value)


@pytest.mark.parametrize("field", ["headers", "attachments", "inline"])
def test_names_and_types_can_forge_none_either(field: str) -> None:
    """Header names, content types and content ids are no way in."""
    evil: dict[str, dict[str, Any]] = {
        "headers": {"headers": {"X-A: 1\r\nBcc": "x@example.com"}},
        "attachments": {"attachments": [("data:text/x\r\nBcc: x@example.com,", b"")]},
        "inline": {"html": "", "inline": {"a>\r\nBcc: x@example.com": ("a.png", b"")}},
    }

    with pytest.raises(InvalidMessage) as caught:
        write(**evil[field])

    assert caught.value.field == field


@pytest.mark.parametrize("field", [field for field in PLACES if "re" not in field[:3]])
def test_half_a_character_is_refused_with_its_name(field: str) -> None:
    """A text that was decoded wrongly is an error of the caller's, not a crash."""
    with pytest.raises(InvalidMessage) as caught:
        write(**PLACES[field]("caf\udce9"))

    assert caught.value.field == field


@given(subject=HEADER_TEXT)
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    """Emoji, line separators of other worlds, things that look encoded: all survive."""
    message = write(subject=subject)

    assert message.subject == subject.strip()
    assert read(message)["subject"] == subject.strip()
    assert read_elsewhere(message).subject.strip() == subject.strip()


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "=?utf-8?q?literally?=",
        "two  spaces   three",
        f"{' ' * 2000}x",
        f"x{' ' * 2000}x",
        "a" * 5000,
        f"{'a' * 899} {'b' * 901}",
        "é" * 3000,
        "word " * 500 + "end",
        PLANES,
        f"{PLANES}, " * 50 + "end",
    ],
)
def test_awkward_subjects_survive(subject: str) -> None:
    """Long, empty, unbroken or spaced out: the line limits hold and nothing is lost."""
    message = write(subject=subject)

    assert read(message)["subject"] == subject.strip()
    assert read_elsewhere(message).subject == subject.strip()


def test_headers_of_ones_own_are_kept() -> None:
    """Long links stay whole, since encoding them would break their meaning."""
    link = f"<https://example.com/unsubscribe/{'x' * 500}>"

    parsed = read(
        write(headers={"List-Unsubscribe": link, "X-Job": "Bäckup", "X-Note": " padded "})
    )

    assert (parsed["list-unsubscribe"], parsed["x-job"], parsed["x-note"]) == (
        link,
        "Bäckup",
        "padded",
    )


@pytest.mark.parametrize(
    "name",
    ["From", "TO", "cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To",
     "References", "MIME-Version", "Content-Type", "content-transfer-encoding", "Content-Foo"],
)  # fmt: skip
def test_headers_that_are_set_otherwise_are_refused(name: str) -> None:
    """Two of them would be read differently by different programs."""
    with pytest.raises(InvalidMessage, match=re.escape(name)) as caught:
        write(headers={name: "x"})

    assert caught.value.field == "headers"


@pytest.mark.parametrize(
    "headers",
    [{"": "x"}, {"X Job": "x"}, {"X-Job:": "x"}, {"X-Jöb": "x"}, {"X" * 77: "x"}, {7: "x"},
     {"X-Job": 7}, {"X-Job": None}, [("X-Job", "x")], "X-Job: x"],
)  # fmt: skip
def test_unusable_headers_are_refused(headers: Any) -> None:
    """Names and values must be ones that a header can have."""
    with pytest.raises(InvalidMessage) as caught:
        write(headers=headers)

    assert caught.value.field == "headers"


def test_every_message_has_its_own_id_and_the_time() -> None:
    """Both are made here, so that a delivery is known by its id whatever comes back."""
    first, second = write(from_address="jobs@bücher.example"), write()

    assert first.message_id != second.message_id
    assert first.message_id.endswith("@xn--bcher-kva.example>")
    parsed = read(first)
    assert parsed["message-id"] == first.message_id
    assert abs(parsed["date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("parent", "thread", "expected_parent", "expected_thread"),
    [
        ("a@x", None, "<a@x>", "<a@x>"),
        ("<a@x>", ["b@x", "<a@x>"], "<a@x>", "<b@x> <a@x>"),
        (" <c@x> ", "<a@x>\t<b@x>", "<c@x>", "<a@x> <b@x> <c@x>"),
        (None, "<a@x><b@x>", None, "<a@x> <b@x>"),
        ("", [], None, None),
    ],
)
def test_answers_join_their_thread(
    parent: str | None, thread: Any, expected_parent: str | None, expected_thread: str | None
) -> None:
    """Brackets are added where missing, and the parent ends the list (RFC 5322, 3.6.4)."""
    parsed = read(write(in_reply_to=parent, references=thread))

    assert parsed["in-reply-to"] == expected_parent
    assert parsed["references"] == expected_thread


def test_long_threads_fold() -> None:
    """A thread of hundreds keeps to the line limits, in order."""
    thread = [f"<{i}.{'x' * 60}@example.com>" for i in range(300)]

    assert read(write(references=thread))["references"].split() == thread


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("in_reply_to", "a@x b@x"),
        ("in_reply_to", "<a b@x>"),
        ("in_reply_to", "ä@x"),
        ("in_reply_to", "<>"),
        ("in_reply_to", 7),
        ("references", ["<a@x", "b@x>"]),
        ("references", [f"<{'a' * 1000}@x>"]),
        ("references", [None]),
        ("references", 7),
    ],
)
def test_bad_message_ids_are_refused(field: str, bad: Any) -> None:
    """An id that nobody could have made is a mistake."""
    with pytest.raises(InvalidMessage) as caught:
        write(**{field: bad})

    assert caught.value.field == field


@pytest.mark.parametrize("subject", [None, 7, b"Disk"])
def test_a_subject_must_be_text(subject: Any) -> None:
    """None is a mistake; an empty subject is not."""
    with pytest.raises(InvalidMessage, match="subject must be a str"):
        write(subject=subject)
