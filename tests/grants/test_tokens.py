"""The token store against a real Postgres: what a job gets, and what is kept."""

import json

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from mailcore import (
    ConfigurationError,
    Mailcore,
    ReauthRequired,
    SenderNotFound,
    SenderStatus,
    Settings,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables


def stored(tables: Tables) -> dict[str, object]:
    [(token_json,)] = tables("SELECT token_json FROM sender")
    document: dict[str, object] = json.loads(str(token_json))
    return document


def test_a_valid_access_token_is_used_as_it_is(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """What the consent stored is what a job gets, without asking Google."""
    assert core.access_token(authorised) == stored(tables)["access_token"]
    assert google.requests.refreshes() == 0


def test_a_stale_access_token_is_renewed_and_kept(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """After an hour there is one refresh, and everyone afterwards uses what it brought."""
    before = core.access_token(authorised)
    tables.make_access_tokens_stale()

    renewed = core.access_token(authorised)

    assert renewed != before
    assert stored(tables)["access_token"] == renewed
    assert core.access_token(authorised) == renewed
    assert google.requests.refreshes() == 1
    assert core.senders.get(authorised).last_refreshed_at is not None


@pytest.mark.parametrize(("seconds", "refreshes"), [(230, 1), (250, 0)])
def test_a_token_about_to_end_is_renewed_first(  # noqa: PLR0917 - pytest passes them by name
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    tables: Tables,
    seconds: int,
    refreshes: int,
) -> None:
    """A job that was handed a token still has time to use it."""
    tables(
        "UPDATE sender SET token_json = jsonb_set(token_json::jsonb, '{access_expires_at}',"
        " to_jsonb(now() + make_interval(secs => %s)))::text",
        seconds,
    )
    core.access_token(authorised)
    assert google.requests.refreshes() == refreshes


def test_another_process_finds_the_token(
    core: Mailcore, settings: Settings, google: GoogleSandbox, authorised: str
) -> None:
    """The database is the truth, not the process that stored it."""
    other = Mailcore(settings)
    assert other.access_token(authorised) == core.access_token(authorised)
    other.close()


def test_an_unknown_sender_is_told_with_the_way_out(core: Mailcore) -> None:
    """The error names the sender and the command that registers it."""
    with pytest.raises(SenderNotFound, match="pal-e-mail senders add alrets") as caught:
        core.access_token("alrets")
    assert caught.value.alias == "alrets"


def test_capitals_are_understood(core: Mailcore, authorised: str) -> None:
    """Nobody is led to register the same sender twice."""
    with pytest.raises(SenderNotFound, match="did you mean 'alerts'") as caught:
        core.access_token("Alerts")
    assert "senders add" not in str(caught.value)


@pytest.mark.parametrize("alias", ["", "a\0b", "Alerts", "x" * 64, "../../etc/passwd", "callback"])
def test_what_cannot_be_an_alias_is_simply_unknown(core: Mailcore, alias: str) -> None:
    """Whatever a job passes as alias, it gets the error for an unknown sender."""
    for call in (core.access_token, core.senders.get, core.check):
        with pytest.raises(SenderNotFound):
            call(alias)


def test_a_sender_never_authorised_is_told_so(core: Mailcore, google: GoogleSandbox) -> None:
    """The error carries the page to authorise it on, and Google is not asked."""
    core.senders.register("alerts", by="t")
    with pytest.raises(ReauthRequired, match="has never been authorised") as caught:
        core.access_token("alerts")
    assert caught.value.admin_url == core.settings.public_url
    assert core.check("alerts").status is SenderStatus.PENDING
    assert google.requests.refreshes() == 0


def test_gmail_clients_can_use_the_token(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The token that jobs hand to a client of their own is one that Google takes."""
    google.expire_access_tokens()
    assert core.check(authorised).status is SenderStatus.HEALTHY
    core.send_email(authorised, to="ops@example.com", subject="s", text="t")
    assert google.requests.refreshes() == 1
    assert len(google.outbox) == 1


def test_check_really_renews(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """A grant that looks fresh and was revoked is found out."""
    google.revoke_grant(ACCOUNT)
    checked = core.check(authorised)
    assert checked.status is SenderStatus.EXPIRED
    assert core.senders.events(authorised)[0].what == "expired"


def test_a_sender_of_another_project_is_renewed_by_its_own_client(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A sender with its own OAuth client never shows the deployment's to Google."""
    own = google.register_client()
    core.senders.register(
        "alerts", gmail_account=ACCOUNT, credentials_json=google.credentials_for(own), by="t"
    )
    authorise(core, google)
    tables.make_access_tokens_stale()

    core.access_token("alerts")

    assert core.senders.get("alerts").has_own_client


# Encryption at rest


def keys(count: int) -> tuple[SecretStr, ...]:
    return tuple(SecretStr(Fernet.generate_key().decode()) for _ in range(count))


def with_keys(settings: Settings, *encryption_keys: SecretStr) -> Mailcore:
    return Mailcore(settings.model_copy(update={"encryption_keys": encryption_keys}))


def test_tokens_and_clients_are_encrypted_at_rest(
    settings: Settings, google: GoogleSandbox, tables: Tables
) -> None:
    """A copy of the database tells no secret: no token, client secret or PKCE verifier."""
    core = with_keys(settings, *keys(1))
    own = google.credentials_for(google.register_client())
    core.senders.register("alerts", gmail_account=ACCOUNT, credentials_json=own, by="t")
    core.client.store(google.credentials_json, by="t")
    authorise(core, google)
    core.tickets.issue("alerts", by="t")

    dump = str(
        [
            tables("SELECT * FROM sender"),
            tables("SELECT * FROM authorization_request"),
            tables("SELECT * FROM reauth_ticket"),
            tables("SELECT * FROM deployment"),
        ]
    )

    assert "sealed " in dump
    assert not [secret for secret in google.secrets if secret in dump]
    assert core.access_token("alerts") in google.secrets
    core.close()


def test_without_keys_only_hashes_of_links_are_stored(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Whoever can read the database cannot complete somebody's re-auth."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    link = core.authorizations.begin("alerts", by="t").url
    ticket = core.tickets.issue("alerts", by="t").url
    assert ticket is not None
    google.consent(link)

    dump = str(
        [tables("SELECT * FROM authorization_request"), tables("SELECT * FROM reauth_ticket")]
    )

    assert link.partition("state=")[2].partition("&")[0] not in dump
    assert ticket.rpartition("/")[2] not in dump


def test_keys_can_be_introduced_rotated_and_retired(
    settings: Settings, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """From plain text to one key, to the next, and the old one may go: jobs notice nothing."""
    token = core.access_token(authorised)
    core.client.store(google.credentials_json, by="t")
    old, new = keys(2)

    first = with_keys(settings, old)
    assert first.access_token(authorised) == token
    assert first.rotate_keys() == 2
    under_way = first.authorizations.begin(authorised, by="t").url

    both = with_keys(settings, new, old)
    assert both.access_token(authorised) == token
    assert both.rotate_keys() == 3  # with the re-auth that is under way

    only_new = with_keys(settings, new)
    assert only_new.access_token(authorised) == token
    assert only_new.client.current() is not None
    come_back(only_new, google.consent(under_way, ACCOUNT))
    for mailcore in (first, both, only_new):
        mailcore.close()


def test_wrong_and_missing_keys_are_told(
    settings: Settings, google: GoogleSandbox, tables: Tables
) -> None:
    """The error names the setting; nothing is overwritten, and the sender keeps its state."""
    right, wrong = keys(2)
    core = with_keys(settings, right)
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    authorise(core, google)

    for mailcore in (with_keys(settings), with_keys(settings, wrong)):
        with pytest.raises(ConfigurationError, match="PALEMAIL_ENCRYPTION_KEYS"):
            mailcore.access_token("alerts")
        with pytest.raises(ConfigurationError, match="PALEMAIL_ENCRYPTION_KEYS"):
            mailcore.rotate_keys()
        mailcore.close()

    assert core.access_token("alerts")
    assert tables("SELECT status FROM sender") == [("healthy",)]
    core.close()
