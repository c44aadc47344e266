"""Addresses as programs write them, and those that no reader would understand."""

import time
from email.utils import formataddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidMessage
from tests.message.message_reading import read, read_elsewhere, write

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60)


@given(name=NAMES)
def test_what_formataddr_writes_is_understood(name: str) -> None:
    """The standard library encodes names; people see the name, not its encoding."""
    message = write(to=formataddr((name, "j@example.com")))

    [person] = read_elsewhere(message).to
    assert ((person.display_name or ""), person.address) == (name.strip(), "j@example.com")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@example.com (Ann Lee)", [("Ann Lee", "ann@example.com")]),
        ("ann@example.com (Lee, Ann), bo@example.com",
         [("Lee, Ann", "ann@example.com"), ("", "bo@example.com")]),
        ('"ann lee"@example.com', [("", '"ann lee"@example.com')]),
        ('Ann <"a, b"@example.com>', [("Ann", '"a, b"@example.com')]),
        ("Ops: Ann <ann@example.com>, bo@example.com;",
         [("Ann", "ann@example.com"), ("", "bo@example.com")]),
        ("=?utf-8?q?J=C3=B6rg?= Lee <j@example.com>", [("Jörg Lee", "j@example.com")]),
        ("Dr. =?utf-8?q?J=C3=B6rg?= <j@example.com>", [("Dr. Jörg", "j@example.com")]),
    ],
)  # fmt: skip
def test_what_rfc_5322_allows_is_taken(value: str, expected: list[tuple[str, str]]) -> None:
    """Comments, quoted local parts, words that are encoded, and a group's members."""
    message = write(to=value)

    assert [(each.display_name, each.addr_spec) for each in read(message)["to"].addresses] == (
        expected
    )
    assert message.recipients == tuple(address for _, address in expected)


@pytest.mark.parametrize(
    "bad",
    [
        "=?utf-8?q?ann?=@example.com",
        '"=?utf-8?q?ann?="@example.com',
        "=?utf-8?q?a=0Ab?= <ann@example.com>",
        "=?no-such-charset?q?a?= <ann@example.com>",
        '"Ann <ann@example.com>',
    ],
)
def test_what_readers_would_show_as_something_else_is_refused(bad: str) -> None:
    """RFC 2047 section 5(3): no address is an encoded word."""
    with pytest.raises(InvalidMessage) as caught:
        write(to=bad)

    assert caught.value.field == "to"
    assert caught.value.remedy


@pytest.mark.parametrize(
    "huge",
    [
        '"' + '\\"' * 200_000,
        " " * 400_000 + "x",
        "(" * 400_000,
        "(a" * 200_000,
        "a: " * 100_000,
        "=?utf-8?q?a?= " * 30_000,
        '""' * 200_000,
        "<" * 400_000,
        "\\" * 400_000,
    ],
    ids=range(9),
)
def test_nothing_takes_long_to_refuse(huge: str) -> None:
    """A quadratic parser would take many minutes for these."""
    started = time.monotonic()
    for value in (huge, f"{huge} <"):
        with pytest.raises(InvalidMessage):
            write(to=value)

    assert time.monotonic() - started < 20
