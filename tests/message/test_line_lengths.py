"""No line is longer than its RFC allows, whatever is written."""

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.message_reading import decoded, read, read_elsewhere, write


@given(
    start=st.sampled_from(["é", "=", "a"]),
    length=st.integers(min_value=60, max_value=160),
    end=st.sampled_from([" \n", "\t\n", " ", "\t", " \r\né", "  \n", "\x0c \n"]),
)
def test_quoted_printable_lines_have_at_most_76_octets(start: str, length: int, end: str) -> None:
    """RFC 2045 section 6.7(5): a space before the line's end makes no line too long."""
    text = f"é{start}{'a' * length}{end}"

    message = write(text=text)

    body = message.raw.partition(b"\r\n\r\n")[2]
    assert b"quoted-printable" in message.raw
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert quopri.decodestring(body).decode() == decoded(read(message)).decode()
    assert decoded(read(message)).decode() == text.replace("\r\n", "\n").replace("\n", "\r\n")


@given(
    name=st.integers(min_value=1, max_value=74).map(lambda length: "X-" + "a" * length),
    value=st.text(st.sampled_from("é €😀a"), min_size=1, max_size=200).map(lambda text: f"é{text}"),
)
def test_lines_with_encoded_words_have_at_most_76_characters(name: str, value: str) -> None:
    """RFC 2047 section 2, however long the header's name is."""
    message = write(headers={name: value})

    # `write` checks the length of each line that holds an encoded word.
    # The standard library keeps the space of a line that was folded after the colon.
    assert read(message)[name].lstrip(" ") == value.strip()


@pytest.mark.parametrize("length", [61, 200, 3000])
def test_long_ascii_names_stay_readable(length: int) -> None:
    """Spam filters count names in base64 that need none."""
    name = ("Department of Long Names, Ltd. " * 100)[:length].strip()

    message = write(from_name=name, to=[(name.replace(",", "").replace(".", ""), "a@example.com")])

    assert b"=?" not in message.raw
    parsed = read(message)
    assert parsed["from"].addresses[0].display_name == name
    other = read_elsewhere(message)
    assert other.from_ is not None
    assert other.from_.display_name == name
