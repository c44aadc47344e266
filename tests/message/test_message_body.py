"""What people read, and the files that come with it."""

import gc
import io
import os
import socket
import tempfile
import tracemalloc
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidMessage
from mailcore.message.compose import Attachment, compose
from tests.message.message_reading import decoded, read, read_elsewhere, write

MEBIBYTE = 1024 * 1024
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
#: The controls of ASCII are refused in names, apart from the tab.
CONTROLS = "".join(map(chr, {*range(0x20), 0x7F} - {0x09}))
FILE_NAMES = st.text(
    st.characters(exclude_characters=CONTROLS, exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(str.strip)


def with_crlf(text: str) -> str:
    """Lines end in CRLF on the wire, whatever they ended in before."""
    return "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def shape(part: EmailMessage) -> Any:
    """The tree of content types."""
    if not part.is_multipart():
        return part.get_content_type()
    children = cast("list[EmailMessage]", part.get_payload())
    return part.get_content_subtype(), [shape(child) for child in children]


@given(text=TEXTS, html=TEXTS)
def test_any_text_arrives_as_it_was(text: str, html: str) -> None:
    """Every plane of Unicode, every control character, each kind of line end."""
    message = write(text=text, html=html)

    plain, page = cast("list[EmailMessage]", read(message).get_payload())
    assert decoded(plain).decode() == with_crlf(text)
    assert decoded(page).decode() == with_crlf(html)
    other = read_elsewhere(message)
    assert other.text_plain == [with_crlf(text)]
    assert other.text_html == [with_crlf(html)]


@given(
    line=st.text(st.sampled_from("a =\t.é€😀\x0c"), max_size=8),
    times=st.integers(min_value=0, max_value=700),
    end=st.sampled_from(["", "\n", " \n", "\r", "\t\r\n.\r\n"]),
)
def test_lines_of_any_length_arrive_whole(line: str, times: int, end: str) -> None:
    """Minified HTML and trailing spaces survive; no line is longer than SMTP allows."""
    text = f"{line * times}{end}" * 2

    assert decoded(read(write(text=text))).decode() == with_crlf(text)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It is full.\n", "7bit"),
        ("a" * 998, "7bit"),
        ("a" * 999, "quoted-printable"),
        ("Die Platte ist voll: nichts geht mehr für heute.\n", "quoted-printable"),
        ("磁盘已满\n", "base64"),
        ("From \x0cfeed", "quoted-printable"),
    ],
)
def test_texts_stay_as_readable_as_they_can(text: str, encoding: str) -> None:
    """Someone who looks at the source can read what is written in Latin letters."""
    assert read(write(text=text))["content-transfer-encoding"] == encoding


def test_huge_texts_arrive() -> None:
    """Ten megabytes of log are no trouble."""
    text = "".join(f"line {i}: naïve\r\n" for i in range(500_000))

    assert decoded(read(write(text=text))).decode() == text


@pytest.mark.parametrize(
    ("arguments", "tree"),
    [
        ({"text": "t"}, "text/plain"),
        ({"html": "h"}, "text/html"),
        ({"text": "", "html": ""}, ("alternative", ["text/plain", "text/html"])),
        ({"text": "t", "attachments": [("a.pdf", b"")]},
         ("mixed", ["text/plain", "application/pdf"])),
        ({"html": "h", "inline": {"i": ("i.png", b"")}},
         ("related", ["text/html", "image/png"])),
        ({"text": "t", "html": "h", "inline": {"i": ("i.gif", b"")},
          "attachments": [("a.zip", b""), ("b.txt", b"")]},
         ("mixed", [
             ("alternative", ["text/plain", ("related", ["text/html", "image/gif"])]),
             "application/zip",
             "text/plain",
         ])),
    ],
)  # fmt: skip
def test_parts_are_nested_as_mail_programs_expect(arguments: dict[str, Any], tree: Any) -> None:
    """No container without need, and the text before the HTML, which readers prefer."""
    assert shape(read(write(**arguments))) == tree


def test_a_message_without_a_body_is_refused() -> None:
    """An empty text is a body; none at all is a mistake."""
    with pytest.raises(InvalidMessage, match="text, html, or both") as caught:
        write(text=None)

    assert caught.value.field == "text"


@pytest.mark.parametrize("field", ["text", "html"])
@pytest.mark.parametrize("bad", [b"bytes", 7, "half \ud83d"])
def test_a_body_that_is_no_text_is_refused(field: str, bad: Any) -> None:
    """Bytes and half characters are named as such."""
    with pytest.raises(InvalidMessage) as caught:
        write(**{field: bad})

    assert caught.value.field == field


@given(content=st.binary(max_size=500), name=FILE_NAMES)
def test_any_file_arrives_unchanged(content: bytes, name: str) -> None:
    """Whatever the name and the octets, the recipient saves the same file."""
    message = write(attachments=[(name, content)])

    [file] = read(message).iter_attachments()
    # The standard library strips names when it reads them.
    assert (file.get_filename(), decoded(file)) == (name.strip(), content)
    [other] = read_elsewhere(message).attachments
    assert other.filename == name
    if not other.mimetype.startswith("text/"):  # it makes text of those
        assert other.content == content


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 57 * 4096 - 1, 57 * 4096, 57 * 4096 + 1])
def test_files_of_awkward_sizes_arrive_unchanged(size: int) -> None:
    """Whole lines and whole chunks of base64, one octet more and one less."""
    content = os.urandom(size)

    [file] = read_elsewhere(write(attachments=[("a.bin", content)])).attachments

    assert file.content == content


def test_files_are_taken_in_every_form(tmp_path: Path) -> None:
    """A path, a pair, an open file and an Attachment all do."""
    path = tmp_path / "bericht für märz.pdf"
    path.write_bytes(b"%PDF")
    with path.open("rb") as opened, path.open("rb", buffering=0) as unbuffered:
        message = write(
            attachments=[
                path,
                str(path),
                opened,
                ("raw.pdf", unbuffered),
                ("memory.pdf", io.BytesIO(b"%PDF")),
                ("view.pdf", memoryview(b"%PDF")),
                ["list.pdf", b"%PDF"],
                Attachment(filename="own.bin", content=b"%PDF", content_type="application/pdf"),
            ]
        )

    files = list(read(message).iter_attachments())
    assert [file.get_filename() for file in files] == [
        "bericht für märz.pdf", "bericht für märz.pdf", "bericht für märz.pdf",
        "raw.pdf", "memory.pdf", "view.pdf", "list.pdf", "own.bin",
    ]  # fmt: skip
    assert {decoded(file) for file in files} == {b"%PDF"}
    assert {file.get_content_type() for file in files} == {"application/pdf"}


def test_a_pipe_is_read_to_its_end() -> None:
    """What answers in pieces is not cut off at the first one."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        theirs.sendall(b"first ")
        with ours.makefile("rb", buffering=0) as source:

            class Slow(io.RawIOBase):
                """Hands on what has come, then lets more come."""

                def readable(self) -> bool:
                    return True

                def readinto(self, buffer: Any) -> int:
                    count = cast("int", source.readinto(buffer))
                    if buffer[:count] == b"first ":
                        theirs.sendall(b"second")
                        theirs.shutdown(socket.SHUT_WR)
                    return count

            [file] = read(write(attachments=[("a.bin", Slow())])).iter_attachments()

    assert decoded(file) == b"first second"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"a,b\n", 'text/csv; charset="utf-8"'),
        ("a.txt", "€".encode(), 'text/plain; charset="utf-8"'),
        ("a.txt", "€".encode("cp1252"), "application/octet-stream"),
        ("a.txt", "€".encode()[:2], "application/octet-stream"),
        ("a.tar.gz", b"", "application/gzip"),
        ("a.svgz", b"", "application/gzip"),
        ("a.xlsx", b"", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.webp", b"", "image/webp"),
        ("a.eml", b"Subject: x\r\n\r\n", "application/octet-stream"),
        ("a.unheard-of", b"", "application/octet-stream"),
        ("Makefile", b"", "application/octet-stream"),
        ("data:text/html,x", b"", "application/octet-stream"),
    ],
)
def test_types_are_guessed(name: str, content: bytes, expected: str) -> None:
    """By the name; a text in an unknown encoding travels as mere octets."""
    [file] = read(write(attachments=[(name, content)])).iter_attachments()

    assert file["content-type"] == expected
    assert decoded(file) == content


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        ("application/pdf", "application/pdf"),
        ("text/plain; charset=iso-8859-1", 'text/plain; charset="iso-8859-1"'),
        ('text/calendar;method=REQUEST ; x="a b"', 'text/calendar; method="REQUEST"; x="a b"'),
    ],
)
def test_a_given_type_is_kept(given_type: str, expected: str) -> None:
    """The caller knows better than a guess."""
    file = Attachment(filename="a.bin", content=b"\xff", content_type=given_type)

    [part] = read(write(attachments=[file])).iter_attachments()

    assert part["content-type"] == expected


@pytest.mark.parametrize(
    "bad",
    ["", "pdf", "application/", "a/b/c", "text/plain; charset", "text/pläin", "a/b\r\nBcc: x@y.zz",
     'a/b; x="\r\n"', "a/b; x=y;", f"a/{'b' * 300}", "message/rfc822", "Multipart/mixed", 7],
)  # fmt: skip
def test_a_bad_type_is_refused(bad: Any) -> None:
    """What is no content type, or can't be a file's, is named."""
    with pytest.raises(InvalidMessage, match="content type") as caught:
        write(attachments=[Attachment(filename="a", content=b"", content_type=bad)])

    assert caught.value.field == "attachments"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("missing.pdf", "No such file"),
        (".", "directory"),
        ("nul\0.pdf", "null"),
        ("x" * 300, "too long"),
        (("a.txt", "text"), "must be bytes"),
        (("a.txt", io.StringIO("text")), "must be bytes"),
        (("a.txt", None), "must be bytes"),
        (("", b""), "empty"),
        ((" ", b""), "empty"),
        ((7, b""), "must be a str"),
        (("é" * 128, b""), "longer than 255 bytes"),
        (io.BytesIO(b""), "has no name"),
        (Attachment(filename="a", content=cast("bytes", "text")), "must be bytes"),
        (b"content", "a bytes can't be attached"),
        (None, "can't be attached"),
        (("a", b"", "b"), "can't be attached"),
    ],
)
@pytest.mark.parametrize("field", ["attachments", "inline"])
def test_a_file_that_cannot_be_sent_says_why(field: str, bad: Any, reason: str) -> None:
    """The text says what is wrong with it, and the error names the argument."""
    files = [bad] if field == "attachments" else {"logo": bad}

    with pytest.raises(InvalidMessage, match=reason) as caught:
        write(html="", **{field: files})

    assert caught.value.field == field


def test_files_that_cannot_be_read_now_say_so() -> None:
    """A closed file, one opened as text, and one without a real name."""
    with (
        tempfile.TemporaryFile() as unnamed,
        pytest.raises(InvalidMessage, match="has no name"),
    ):
        write(attachments=[unnamed])
    with pytest.raises(InvalidMessage, match="closed"):
        write(attachments=[("a.bin", unnamed)])


@pytest.mark.parametrize(
    "not_a_list", ["report.pdf", Path("report.pdf"), b"", Attachment(filename="a", content=b""), 7]
)
def test_one_file_alone_wants_brackets(not_a_list: Any) -> None:
    """A path is not taken for a list of letters."""
    with pytest.raises(InvalidMessage, match="must be a list") as caught:
        write(attachments=not_a_list)

    assert caught.value.field == "attachments"


def test_inline_images_are_found_by_their_name() -> None:
    """What the HTML calls cid:logo@2x has the Content-ID <logo@2x>."""
    message = write(html='<img src="cid:logo@2x">', inline={"logo@2x": ("lögo.png", b"\x89PNG")})

    _, image = cast("list[EmailMessage]", read(message).get_payload())
    assert image["content-id"] == "<logo@2x>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "lögo.png"
    assert decoded(image) == b"\x89PNG"


@pytest.mark.parametrize(
    "bad", [{"a b": ("a", b"")}, {"": ("a", b"")}, {"ä": ("a", b"")}, {7: ("a", b"")}, ["a.png"]]
)
def test_bad_inline_names_are_refused(bad: Any) -> None:
    """A name must be one that a link can have."""
    with pytest.raises(InvalidMessage) as caught:
        write(html="", inline=bad)

    assert caught.value.field == "inline"


def test_inline_images_need_html() -> None:
    """Nothing would show them."""
    with pytest.raises(InvalidMessage, match="no HTML") as caught:
        write(text="t", inline={"logo": ("a.png", b"")})

    assert caught.value.field == "inline"


def test_25_mb_of_files_are_taken_and_one_octet_more_is_not(tmp_path: Path) -> None:
    """The limit is Gmail's, for all files together, and holds before anything is encoded."""
    half = bytes(MEBIBYTE * 25 // 2)
    path = tmp_path / "half.bin"
    path.write_bytes(half)

    write(html="", inline={"a": ("a.png", half)}, attachments=[path])

    for one_more in (("b.bin", b"x"), ("b.bin", io.BytesIO(b"x"))):
        with pytest.raises(InvalidMessage, match="25 MB") as caught:
            write(html="", inline={"a": ("a.png", half)}, attachments=[path, one_more])
        assert caught.value.field == "attachments"
    with pytest.raises(InvalidMessage, match=r"'half\.bin'.*25 MB") as caught:
        write(html="", inline={"a": ("a.png", half), "b": ("b.png", b"x"), "c": path})
    assert caught.value.field == "inline"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """A device is refused once it has given too much."""
    with pytest.raises(InvalidMessage, match="25 MB"):
        write(attachments=["/dev/zero"])


@pytest.mark.parametrize("field", ["text", "html"])
def test_over_35_mb_in_all_is_refused(field: str) -> None:
    """Texts count as they are encoded; the error names what to shorten."""
    with pytest.raises(InvalidMessage, match=r"bytes long.*35 MB") as caught:
        write(**{field: "ä" * (15 * MEBIBYTE)})

    assert caught.value.field == field


@pytest.mark.parametrize("source", ["bytes", "path", "utf-8"])
def test_a_20_mb_file_takes_little_memory(source: str, tmp_path: Path) -> None:
    """A job in a small container can send what Gmail takes."""
    size = 20 * MEBIBYTE
    content = ("😀" + "a" * (size - 4)).encode() if source == "utf-8" else os.urandom(size)
    path = tmp_path / "big.txt"
    path.write_bytes(content)
    file = path if source == "path" else ("big.txt", content)
    write(attachments=[("warm.txt", b"")])
    gc.collect()

    tracemalloc.start()
    try:
        message = compose(
            from_address="a@example.com", from_name=None, to="b@example.com",
            subject="big", text="big", attachments=[file],
        )  # fmt: skip
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(message.raw) > size
    # The message is 1.37 times the file; a path's own content comes on top.
    assert peak < size * (2.7 if source == "path" else 1.7)


def test_contents_stay_out_of_logs() -> None:
    """Printing a message or an attachment shows no content, however large or private."""
    file = Attachment(filename="salaries.csv", content=b"private")

    assert "private" not in repr(file)
    assert "private" not in repr(write(text="private", attachments=[file]))
