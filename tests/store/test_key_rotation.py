"""Rotating keys in a deployment that is in use, and large."""

from collections.abc import Iterator

import psycopg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from tests.support.driving import Tables, eventually, meanwhile

PLAIN = b"To: a@example.com\r\nSubject: s\r\n\r\nThe secret text"


@pytest.fixture
def keyed(settings: Settings) -> Iterator[Mailcore]:
    key = SecretStr(Fernet.generate_key().decode())
    core = Mailcore(settings.model_copy(update={"encryption_keys": (key,)}))
    yield core
    core.close()


def put_messages(tables: Tables, count: int, body: bytes = PLAIN) -> None:
    """Messages whose outcome is open, from before there were keys."""
    tables(
        "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts, body,"
        " created_at, updated_at)"
        " SELECT gen_random_uuid(), 'alerts', '{a@example.com}', 's', '<' || n || '@example.com>',"
        " 'unknown', 1, %s, now(), now() FROM generate_series(1, %s) AS n",
        body,
        count,
    )


def plain_ones(tables: Tables) -> int:
    [(count,)] = tables("SELECT count(*) FROM delivery WHERE substring(body, 1, 7) <> 'sealed '")
    assert isinstance(count, int)
    return count


def test_a_rotation_that_is_stopped_goes_on_where_it_was(keyed: Mailcore, tables: Tables) -> None:
    """Ctrl-C loses nothing, and the next run does only what is left."""
    put_messages(tables, 250)

    def stop_after_the_first_batch(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keyed.rotate_keys(on_progress=stop_after_the_first_batch)
    left = plain_ones(tables)
    assert 0 < left < 250
    assert tables("SELECT * FROM deployment") == []  # nothing is refused yet

    told: list[tuple[int, int]] = []
    assert keyed.rotate_keys(on_progress=lambda *numbers: told.append(numbers)) == left
    assert (told[0], told[-1]) == ((0, left), (left, left))
    assert plain_ones(tables) == 0
    assert keyed.rotate_keys() == 0


def test_large_messages_are_sealed_one_by_one(
    keyed: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """Memory holds one of them, however many wait; and each can still be sent."""
    large = PLAIN + b"x" * 6_000_000
    put_messages(tables, 3, large)
    steps: list[int] = []
    keyed.rotate_keys(on_progress=lambda done, _total: steps.append(done))
    assert steps[-3:] == [2, 3, 4]  # after the sender's grant
    [(delivery_id,), *_] = tables("SELECT id FROM delivery")
    keyed.deliveries.retry(str(delivery_id), by="t")
    assert google.outbox[-1].raw.endswith(large.removeprefix(PLAIN))


def test_a_row_in_use_is_come_back_for(keyed: Mailcore, database_url: str, tables: Tables) -> None:
    """A send that holds its row waits for no rotation, and its message is sealed in the end."""
    put_messages(tables, 3)
    steps: list[int] = []
    with psycopg.connect(database_url) as busy:
        busy.execute("SELECT * FROM delivery LIMIT 1 FOR UPDATE")
        rotated = meanwhile(
            lambda: keyed.rotate_keys(on_progress=lambda done, _total: steps.append(done))
        )
        eventually(lambda: steps.count(2) > 2)
        assert plain_ones(tables) == 1
        busy.rollback()
    assert rotated() == 3
    assert plain_ones(tables) == 0
