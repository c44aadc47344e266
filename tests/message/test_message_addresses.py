"""Who a message goes to, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidMessage
from tests.message.message_reading import read, read_elsewhere, write

#: Controls of ASCII, and lone surrogates, which are no characters; all planes remain.
CONTROLS = "".join(map(chr, [*range(0x20), 0x7F]))
NAMES = st.text(st.characters(exclude_characters=CONTROLS, exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize(
    ("given_to", "expected"),
    [
        ("ann@example.com", [("", "ann@example.com")]),
        ("<ann@example.com>", [("", "ann@example.com")]),
        ("Ann Lee <ann@example.com>", [("Ann Lee", "ann@example.com")]),
        ("Dr. Ann Lee (ops) <ann@example.com>", [("Dr. Ann Lee (ops)", "ann@example.com")]),
        ('"Lee, Ann" <ann@example.com>', [("Lee, Ann", "ann@example.com")]),
        (r'"Ann \"A\" Lee" <ann@example.com>', [('Ann "A" Lee', "ann@example.com")]),
        ("Jörg Müller <j@example.com>", [("Jörg Müller", "j@example.com")]),
        ("ann@bücher.example", [("", "ann@xn--bcher-kva.example")]),
        ("a@example.com, b@example.com,", [("", "a@example.com"), ("", "b@example.com")]),
        (
            ['"Lee, Ann" <a@example.com>, b@example.com', ("Bo, Jr.", "c@example.com")],
            [("Lee, Ann", "a@example.com"), ("", "b@example.com"), ("Bo, Jr.", "c@example.com")],
        ),
        (("a@example.com", "b@example.com"), [("", "a@example.com"), ("", "b@example.com")]),
        ("ops@staging.test", [("", "ops@staging.test")]),
    ],
)
def test_addresses_are_read_as_people_write_them(
    given_to: object, expected: list[tuple[str, str]]
) -> None:
    """Names, lists, commas in quotes and foreign domains arrive as they were meant."""
    message = write(to=given_to)

    stdlib = read(message)["to"].addresses
    assert [(each.display_name, each.addr_spec) for each in stdlib] == expected
    other = read_elsewhere(message).to
    assert [(each.display_name or "", each.address) for each in other] == expected
    assert message.recipients == tuple(address for _, address in expected)


@pytest.mark.parametrize(
    "bad",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost",
        "ann@example",
        "ann@example.com bo@example.com",
        "ann@example.com; bo@example.com",
        "Ann <ann@example.com",
        'Ann" <ann@example.com>',
        'Ann "A" Lee <ann@example.com>',
        "Lee, Ann <ann@example.com>",
        "Ann <ann@example.com> <bo@example.com>",
        "ann@example.com>, <bo@example.com",
        "ann@[127.0.0.1]",
        "ännchen@example.com",
        f"{'a' * 65}@example.com",
        b"ann@example.com",
        7,
        ["ann@example.com", None],
        [("Ann", "ann@example.com", "extra")],
        [("Ann", None)],
        [("Ann\tLee", "ann@example.com")],
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "bcc", "reply_to"])
def test_a_bad_address_names_its_field(field: str, bad: object) -> None:
    """The error says which argument is wrong."""
    with pytest.raises(InvalidMessage) as caught:
        write(**{"to": "ops@example.com", field: bad})

    assert caught.value.field == field
    assert field in str(caught.value)


def test_a_local_part_outside_ascii_says_why() -> None:
    """Gmail's API promises no SMTPUTF8, and the text says what is wrong."""
    with pytest.raises(InvalidMessage, match="before the @-sign are not supported: 'ä'"):
        write(to="ännchen@example.com")


@pytest.mark.parametrize("nobody", [None, "", [], " , "])
def test_a_message_to_nobody_is_refused(nobody: object) -> None:
    """A job whose list of recipients came out empty is told so."""
    with pytest.raises(InvalidMessage, match="no recipient") as caught:
        write(to=nobody)

    assert caught.value.field == "to"


def test_every_recipient_counts_once() -> None:
    """To, Cc and Bcc are recipients; Reply-To is none; nobody is counted twice."""
    message = write(
        to="ann@example.com", cc=["bo@example.com", "ann@example.com"],
        bcc="Cy <cy@example.com>", reply_to="help@example.com",
    )  # fmt: skip

    assert message.recipients == ("ann@example.com", "bo@example.com", "cy@example.com")
    parsed = read(message)
    assert parsed["bcc"] == "Cy <cy@example.com>"  # Gmail reads it, and removes it
    assert parsed["reply-to"] == "help@example.com"


def test_blind_copies_alone_are_enough() -> None:
    """Nobody need be visible."""
    message = write(to=None, bcc="cy@example.com")

    assert read(message)["to"] is None
    assert message.recipients == ("cy@example.com",)


def test_hundreds_of_recipients_fold() -> None:
    """A long list stays within the line limits, and complete."""
    everyone = [(f"Rëcipient {i}, Ltd.", f"r{i}@example.com") for i in range(500)]

    message = write(to=everyone)

    people = read(message)["to"].addresses
    assert [(each.display_name, each.addr_spec) for each in people] == everyone
    assert len(message.recipients) == 500


@given(name=NAMES)
def test_any_name_arrives_as_it_was(name: str) -> None:
    """Commas, quotes, emoji, things that look encoded: all survive."""
    message = write(from_name=name, to=[(name, "ops@example.com"), ("Bo", "bo@example.com")])

    parsed = read(message)
    assert [each.addr_spec for each in parsed["to"].addresses] == [
        "ops@example.com",
        "bo@example.com",
    ]
    # The standard library shows a space between the encoded words of a name, against
    # RFC 2047 section 6.2; so the name itself is read by the other parser only.
    other = read_elsewhere(message)
    assert other.from_ is not None
    names = [other.from_.display_name, *(each.display_name for each in other.to)]
    assert [name or "" for name in names] == [name.strip(), name.strip(), "Bo"]


@given(
    name=NAMES.map(lambda name: re.sub(r'[",<>]', "", name)),
    local=st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9_+-]{1,20})?", fullmatch=True),
)
def test_a_written_mailbox_is_read_back(name: str, local: str) -> None:
    """Whatever stands before the angle brackets is the name."""
    message = write(to=f"{name} <{local}@example.com>")

    [person] = read_elsewhere(message).to
    assert (person.display_name or "", person.address) == (name.strip(), f"{local}@example.com")
    assert message.recipients == (person.address,)


@pytest.mark.parametrize(
    ("argument", "bad"),
    [
        ("from_address", "alerts"),
        ("from_address", ""),
        ("from_name", "Alerts\nBcc: x@example.com"),
        ("from_name", 7),
    ],
)
def test_the_sender_is_checked_too(argument: str, bad: object) -> None:
    """A sender with an unusable address or name is no exception."""
    with pytest.raises(InvalidMessage) as caught:
        write(**({"from_name": "Alerts"} | {argument: bad}))

    assert caught.value.field == argument


def test_a_sender_whose_address_is_not_known_leaves_it_to_gmail() -> None:
    """A grant from a file may not say whose mailbox it is for; Gmail knows, and fills in From."""
    message = write(from_address=None, from_name=None)

    assert b"\r\nFrom:" not in b"\r\n" + message.raw
    assert message.message_id.endswith("@gmail.com>")
