"""What somebody gains who can write to the database, and has no key."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from mailcore import (
    ConfigurationError,
    DeliveryStatus,
    Mailcore,
    OutcomeUnknown,
    SenderStatus,
    Settings,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables
from tests.support.processes import output, start_script

MALLORY = "mallory@example.com"
MAIL: Any = {"to": "ops@example.com", "subject": "The secret subject", "text": "The secret text"}


def new_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


@pytest.fixture
def with_keys(settings: Settings) -> Iterator[Callable[..., Mailcore]]:
    """Makes a deployment's process with some keys, newest first."""
    made: list[Mailcore] = []

    def make(*keys: SecretStr) -> Mailcore:
        made.append(Mailcore(settings.model_copy(update={"encryption_keys": keys})))
        return made[-1]

    yield make
    for core in made:
        core.close()


@pytest.fixture
def sealing(with_keys: Callable[..., Mailcore], google: GoogleSandbox) -> Mailcore:
    """A deployment with a key, in which everything is sealed, and two senders."""
    core = with_keys(new_key())
    google.add_account(MALLORY)
    for alias, account in (("alerts", ACCOUNT), ("mallory", MALLORY)):
        core.senders.register(
            alias,
            gmail_account=account,
            credentials_json=google.credentials_for(google.register_client()),
            by="t",
        )
        authorise(core, google, alias, account)
    core.client.store(google.credentials_json, by="t")
    core.rotate_keys()
    return core


@pytest.mark.parametrize("column", ["token_json", "credentials_json"])
def test_a_sealed_value_works_in_its_own_row_only(
    sealing: Mailcore, tables: Tables, column: str
) -> None:
    """Another sender's grant, copied into a sender's row, is not used."""
    tables(
        f"UPDATE sender SET {column} ="  # noqa: S608 - the test's own words
        f" (SELECT {column} FROM sender WHERE alias = 'mallory') WHERE alias = 'alerts'"
    )
    with pytest.raises(ConfigurationError, match="was sealed for another place") as caught:
        sealing.check("alerts")
    assert "alerts" in str(caught.value)
    assert sealing.senders.get("alerts").status is SenderStatus.HEALTHY
    assert sealing.check("mallory").status is SenderStatus.HEALTHY


def test_senders_that_swap_names_send_through_neither(
    sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A job's sender keeps to its own mailbox, whatever the rows are called now."""
    tables("UPDATE sender SET alias = 'swap' WHERE alias = 'alerts'")
    tables("UPDATE sender SET alias = 'alerts' WHERE alias = 'mallory'")
    tables("UPDATE sender SET alias = 'mallory' WHERE alias = 'swap'")
    for alias in ("alerts", "mallory"):
        with pytest.raises(ConfigurationError, match="was sealed for another place"):
            sealing.send_email(alias, **MAIL)
    assert len(google.outbox) == 0


def test_a_sealed_value_works_in_its_own_column_only(
    sealing: Mailcore, settings: Settings, tables: Tables
) -> None:
    """A sender's own client does not pass for the deployment's."""
    tables(
        "UPDATE deployment SET credentials_json ="
        " (SELECT credentials_json FROM sender WHERE alias = 'mallory')"
    )
    no_client = {"google_client_id": None, "google_client_secret": None}
    keys = {"encryption_keys": sealing.settings.encryption_keys}
    core = Mailcore(settings.model_copy(update=no_client | keys))
    with pytest.raises(ConfigurationError, match="was sealed for another place"):
        core.client.deployment()
    core.close()


def test_a_grant_planted_in_plain_text_is_refused(
    sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Once everything is sealed, nobody without a key can bring a grant of their own."""
    planted = google.issue_grant(MALLORY)
    grant = {
        "refresh_token": planted["refresh_token"],
        "access_token": None,
        "access_expires_at": None,
        "scopes": planted["scope"].split(),
    }
    tables("UPDATE sender SET token_json = %s WHERE alias = 'alerts'", json.dumps(grant))
    for read in (lambda: sealing.send_email("alerts", **MAIL), sealing.rotate_keys):
        with pytest.raises(ConfigurationError, match="is not sealed"):
            read()
    assert len(google.outbox) == 0
    assert sealing.deliveries.page().deliveries[0].status is DeliveryStatus.FAILED
    authorise(sealing, google)
    assert sealing.send_email("alerts", **MAIL).gmail_id


def test_what_an_earlier_version_sealed_is_read_until_rotation(
    with_keys: Callable[..., Mailcore], google: GoogleSandbox, tables: Tables
) -> None:
    """An upgrade loses no grant; after rotation, unbound values are refused like plain ones."""
    key = new_key()
    core = with_keys(key)
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    authorise(core, google)
    token = core.access_token("alerts")
    plain = with_keys()
    plain.senders.register("plain", gmail_account=ACCOUNT, by="t")
    authorise(plain, google, "plain")
    [(opened,)] = tables("SELECT token_json FROM sender WHERE alias = 'plain'")
    tables("DELETE FROM sender WHERE alias = 'plain'")
    old = "fernet:" + Fernet(key.get_secret_value()).encrypt(str(opened).encode()).decode()
    tables("UPDATE sender SET token_json = %s", old)

    assert core.access_token("alerts") != token
    assert core.rotate_keys() == 1
    assert core.access_token("alerts")
    tables("UPDATE sender SET token_json = %s", old)
    with pytest.raises(ConfigurationError, match="is not sealed"):
        core.access_token("alerts")


def test_a_message_that_waits_for_a_person_is_sealed(
    sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A reader of the database cannot read mail; the person who settles it sends it as it was."""
    google.fail("send", faults.INTERNAL_ERROR)
    with pytest.raises(OutcomeUnknown) as caught:
        sealing.send_email("alerts", **MAIL, idempotency_key="k1")
    [(body,)] = tables("SELECT body FROM delivery WHERE alias = 'alerts'")
    assert isinstance(body, bytes)
    assert b"secret" not in body

    assert caught.value.delivery_id is not None
    sealing.deliveries.retry(caught.value.delivery_id, by="t")
    assert MAIL["text"].encode() in google.outbox[-1].raw


def test_a_message_cannot_be_moved_to_another_sender(
    sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Sending again what waits under a sender's name sends that sender's message, or nothing."""
    for alias in ("alerts", "mallory"):
        google.fail("send", faults.INTERNAL_ERROR)
        with pytest.raises(OutcomeUnknown):
            sealing.send_email(alias, **MAIL)
    tables(
        "UPDATE delivery SET body = (SELECT body FROM delivery WHERE alias = 'mallory')"
        " WHERE alias = 'alerts'"
    )
    [(delivery_id,)] = tables("SELECT id FROM delivery WHERE alias = 'alerts'")
    sent = len(google.outbox)
    with pytest.raises(ConfigurationError, match="was sealed for another place"):
        sealing.deliveries.retry(str(delivery_id), by="t")
    assert len(google.outbox) == sent
    assert sealing.deliveries.get(str(delivery_id)).can_discard


def test_a_verifier_works_for_its_own_re_auth_only(
    sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Nobody completes one re-auth with what was made for another."""
    begun = sealing.authorizations.begin("alerts", by="t")
    sealing.authorizations.begin("mallory", by="t")
    tables(
        "UPDATE authorization_request SET code_verifier ="
        " (SELECT code_verifier FROM authorization_request"
        "  WHERE alias = 'mallory' AND consumed_at IS NULL)"
        " WHERE alias = 'alerts' AND consumed_at IS NULL"
    )
    with pytest.raises(ConfigurationError, match="was sealed for another place"):
        come_back(sealing, google.consent(begun.url, ACCOUNT))


def test_a_job_without_keys_loads_no_cryptography(
    environment: dict[str, str], authorised: str
) -> None:
    """What sealing needs is loaded where keys are set, and nowhere else."""
    script = """
import sys
import mailcore
mailcore.send_email("alerts", to="ops@example.com", subject="s", text="t", idempotency_key="k")
mailcore.default().close()
print(*sys.modules)
"""
    loaded = set(output(start_script(script, environment)).split())
    assert not {name for name in loaded if "aead" in name or "fernet" in name}
