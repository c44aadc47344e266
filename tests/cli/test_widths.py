"""Lists on narrow and wide terminals, and what may be typed instead of whole IDs and aliases."""

import re

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli, Ran
from tests.support.driving import Tables

WORDS = "The quarterly invoice for the northern warehouse is attached to this message"


@pytest.fixture
def sent(core: Mailcore, alerts: str) -> str:
    """The id of a delivery with a long subject and many recipients."""
    to = [f"somebody-{number}@accounting.example.com" for number in range(4)]
    return core.send_email(alerts, to=to, subject=WORDS, text="…").delivery_id or ""


def on_terminal(cli: Cli, width: int, *arguments: str) -> list[str]:
    """Return the lines that a terminal of that width shows."""
    ran: Ran = cli(*arguments, FORCE_COLOR="1", COLUMNS=str(width))
    return re.sub(r"\x1b\[[0-9;]*m", "", ran.out).splitlines()


@pytest.mark.parametrize("width", [70, 80, 120, 200])
def test_a_list_fits_and_breaks_no_word(cli: Cli, sent: str, width: int) -> None:
    """Time, sender and status are whole; what is long ends in an ellipsis."""
    lines = on_terminal(cli, width, "deliveries", "list")
    assert max(map(len, lines)) <= width
    assert len(lines) == 2
    assert lines[1].startswith(f"{sent[:8]}  ")
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d [A-Z]+", lines[1])
    assert "alerts" in lines[1]
    assert lines[1].rstrip().endswith("sent")
    senders = on_terminal(cli, width, "senders", "list")
    assert max(map(len, senders)) <= width
    assert "queued" not in senders[0], "nothing is queued, so no column says so"


def test_a_file_gets_everything(cli: Cli, sent: str) -> None:
    """Nothing is shortened, and every column is there."""
    listed = cli("deliveries", "list").out
    assert WORDS in listed
    assert sent[:8] in listed
    assert "queued" in cli("senders", "list").out.splitlines()[0]


def test_the_first_digits_of_an_id_will_do(cli: Cli, sent: str, core: Mailcore) -> None:
    """Wherever an ID is asked for; too few, or those of several, are refused."""
    assert WORDS in cli("deliveries", "show", sent[:8]).out
    assert WORDS in cli("deliveries", "show", sent[:4].upper()).out
    for nothing in (sent[:3], "zzzzzzzz", "", "ffffffffffff"):
        assert "There is no delivery" in cli("deliveries", "show", nothing).err
    queued = core.queue_email("alerts", to="ops@example.com", subject="S", text="T")
    assert "Held 1 message" in cli("deliveries", "hold", queued.delivery_id[:8]).err


def test_an_id_that_could_be_two_is_refused(cli: Cli, sent: str, tables: Tables) -> None:
    """Rather than the wrong message being discarded."""
    tables("UPDATE delivery SET id = '12345678-0000-4000-8000-000000000000'")
    tables(
        "CREATE TEMP TABLE twin AS SELECT * FROM delivery;"
        " UPDATE twin SET id = '12345678-1000-4000-8000-000000000000',"
        " idempotency_key = 'twin', message_id = '<twin@example.com>';"
        " INSERT INTO delivery SELECT * FROM twin"
    )
    ran = cli("deliveries", "show", "12345678")
    assert "several deliveries begin with '12345678'. Give more of it." in ran.err
    assert WORDS in cli("deliveries", "show", "123456781").out


def test_a_mistyped_alias_is_guessed(cli: Cli, alerts: str, google: GoogleSandbox) -> None:
    """At the shell, where all senders can be listed anyway."""
    for arguments in (
        ("senders", "show", "alert"),
        ("check", "allerts"),
        ("send", "alertss", "--to", "ops@example.com", "--subject", "S", "--text", "T"),
    ):
        ran = cli(*arguments)
        assert "Did you mean alerts?" in ran.err, ran.err
    assert "Did you mean" not in cli("senders", "show", "quite-different").err
    assert not google.outbox
