"""File names of any length arrive whole, in lines that every relay passes on (RFC 2231 3)."""

import pytest

from tests.message.message_reading import read, read_elsewhere, write

NAMES = [
    "report.pdf",
    "a" * 250 + ".pdf",
    "ü" * 125 + ".pdf",
    "Rechnung für März, zweite Mahnung (endgültig), Kopie für die Buchhaltung.pdf",
    "請求書" * 27 + ".pdf",
    "😀" * 60 + ".pdf",
    "100 % 'quoted' \"name\" with * and ; in it, and quite long as well.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_of_any_length(name: str) -> None:
    """No line is longer than 78 characters (RFC 5322 2.1.1), and readers show the whole name."""
    message = write(attachments=[(name, b"%PDF")])
    assert max(map(len, message.raw.split(b"\r\n"))) <= 78
    [file] = read(message).iter_attachments()
    assert file.get_filename() == name
    [other] = read_elsewhere(message).attachments
    assert other.filename == name
