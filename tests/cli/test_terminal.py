"""What comes from outside is shown on a terminal, and never obeyed by it."""

import psycopg
import pytest

from mailcore.sandbox import GoogleSandbox, faults
from tests.cli.running import Cli
from tests.support.driving import Tables

#: Clear the screen, set the window's title, the same as one character (C1), and turn the line.
EVIL = "a\x1b[2Jb\x1b]0;gone\x07\x9b2J\u202e\rc"
OBEYED = ("\x1b", "\x07", "\x9b", "\u202e", "\r")


@pytest.fixture
def evil(cli: Cli, google: GoogleSandbox, alerts: str, database_url: str) -> str:
    """The id of a delivery with an evil subject and error, of an evil sender."""
    google.fail("send", faults.CLOSE_BEFORE)
    mail = ("--to", "ops@example.com", "--subject", "S", "--text", "T")
    ran = cli("send", "alerts", *mail, "--json")
    with psycopg.connect(database_url) as database:
        database.execute("UPDATE delivery SET subject = %s, error_text = %s", (EVIL, EVIL))
        database.execute("UPDATE sender SET display_name = %s, status_reason = %s", (EVIL, EVIL))
        database.execute("UPDATE sender SET last_error_text = %s, last_error_at = now()", (EVIL,))
        database.execute("UPDATE sender_event SET detail = %s", (EVIL,))
    return str(ran.json["error"]["delivery_id"])


def test_no_command_prints_what_a_terminal_obeys(cli: Cli, evil: str) -> None:
    """A mail's subject cannot rewrite what the admin sees."""
    for arguments in (
        ("deliveries", "list"),
        ("deliveries", "show", evil),
        ("senders", "list"),
        ("senders", "show", "alerts"),
    ):
        ran = cli(*arguments)
        assert not [sign for sign in OBEYED if sign in ran.out + ran.err], arguments
    assert "a\\x1b[2Jb" in cli("deliveries", "show", evil).out


def test_json_says_the_same_without_raw_control_characters(cli: Cli, evil: str) -> None:
    """A program reads what is stored; a terminal that shows the JSON is safe as well."""
    ran = cli("deliveries", "show", evil, "--json")
    assert ran.json["subject"] == EVIL
    assert not [sign for sign in OBEYED if sign in ran.out]


def test_a_value_of_two_lines_forges_no_field(cli: Cli, evil: str, tables: Tables) -> None:
    """An error text cannot look as if the message had been sent."""
    tables("UPDATE delivery SET error_text = E'no\\nstatus           sent'")
    lines = cli("deliveries", "show", evil).out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("status")] == ["unknown"]


def test_an_answer_of_a_foreign_server_is_shown_so_too(cli: Cli, google: GoogleSandbox) -> None:
    """An error that quotes somebody quotes them harmlessly."""
    ran = cli("deliveries", "show", EVIL)
    assert ran.code != 0
    assert not [sign for sign in OBEYED if sign in ran.out + ran.err]
