"""The link to Google: each parameter of it, and what is stored meanwhile."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest

from mailcore import (
    AuthorizationOutcome,
    ConfigurationError,
    ConsentDenied,
    LinkInvalid,
    Mailcore,
    RenewalWalk,
    Settings,
    now,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, query
from tests.support.driving import Tables


def test_the_link_asks_google_for_the_right_thing(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Every parameter that the re-auth needs, and no other."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    begun = core.authorizations.begin("alerts", by="t")

    base, _, _ = begun.url.partition("?")
    asked = query(begun.url)
    assert base == google.auth_uri
    [(verifier,)] = tables("SELECT code_verifier FROM authorization_request")
    digest = hashlib.sha256(str(verifier).encode()).digest()
    state = asked.pop("state")
    assert asked == {
        "response_type": "code",
        "client_id": google.client_id,
        "redirect_uri": "http://localhost:8501/senders/callback",
        "scope": "openid https://www.googleapis.com/auth/userinfo.email"
        " https://www.googleapis.com/auth/gmail.send",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": ACCOUNT,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    assert re.fullmatch(r"[\w-]{43}", state)  # 256 bits, url-safe
    assert 43 <= len(str(verifier)) <= 128  # RFC 7636, section 4.1


def test_only_a_hash_of_the_state_is_stored(core: Mailcore, tables: Tables) -> None:
    """Who can read the database cannot forge Google's answer."""
    core.senders.register("alerts", by="t")
    state = query(core.authorizations.begin("alerts", by="t").url)["state"]
    [(stored,)] = tables("SELECT state_hash FROM authorization_request")
    assert stored == hashlib.sha256(state.encode()).hexdigest()
    assert state not in str(tables("SELECT * FROM authorization_request"))


def test_each_link_has_secrets_of_its_own(core: Mailcore, tables: Tables) -> None:
    """Nothing of one link tells anything of the next."""
    core.senders.register("alerts", by="t")
    links = [query(core.authorizations.begin("alerts", by="t").url) for _ in range(5)]
    assert len({link["state"] for link in links}) == 5
    assert len({link["code_challenge"] for link in links}) == 5


def test_without_an_account_none_is_suggested(core: Mailcore) -> None:
    """The first that consents will be adopted."""
    core.senders.register("alerts", by="t")
    begun = core.authorizations.begin("alerts", by="t")
    assert "login_hint" not in query(begun.url)
    assert begun.gmail_account is None


def test_after_a_wrong_account_the_chooser_is_shown(core: Mailcore) -> None:
    """Google would take the signed-in account again otherwise."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    begun = core.authorizations.begin("alerts", choose_account=True, by="t")
    assert query(begun.url)["prompt"] == "select_account consent"


def test_the_link_is_good_for_ten_minutes(core: Mailcore) -> None:
    """And says so."""
    core.senders.register("alerts", by="t")
    begun = core.authorizations.begin("alerts", by="t")
    assert timedelta(minutes=9) < begun.expires_at - now() <= timedelta(minutes=10)


def test_the_public_url_decides_where_people_come_back(settings: Settings) -> None:
    """Behind a proxy or tunnel it is the address that Google's console lists."""
    core = Mailcore(settings.model_copy(update={"public_url": "https://mail.example.com/"}))
    core.senders.register("alerts", by="t")
    url = core.authorizations.begin("alerts", by="t").url
    assert query(url)["redirect_uri"] == "https://mail.example.com/senders/callback"
    core.close()


def test_without_an_oauth_client_there_is_no_link(settings: Settings, tables: Tables) -> None:
    """The error says where to put one; nothing is left behind."""
    without = {"google_client_id": None, "google_client_secret": None}
    core = Mailcore(settings.model_copy(update=without))
    core.senders.register("alerts", by="t")
    with pytest.raises(ConfigurationError, match="Setup page"):
        core.authorizations.begin("alerts", by="t")
    assert tables("SELECT * FROM authorization_request") == []
    core.close()


def test_progress_waits_until_google_answered(core: Mailcore, google: GoogleSandbox) -> None:
    """The dialog that asks sees it waiting, also while another sender is re-authorised."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    walk = RenewalWalk(ends_before=now() + timedelta(days=7), project="billing")
    begun = core.authorizations.begin("alerts", walk=walk, by="ann@example.com")
    waiting = core.authorizations.progress(begun.id)
    assert waiting.outcome is AuthorizationOutcome.WAITING
    assert (waiting.alias, waiting.gmail_account, waiting.code) == ("alerts", ACCOUNT, None)
    assert (waiting.walk, waiting.requested_by) == (walk, "ann@example.com")

    core.senders.register("other", gmail_account="billing@example.com", by="t")
    authorise(core, google, "other")
    assert core.authorizations.progress(begun.id) == waiting


def test_progress_of_a_link_that_ran_out(core: Mailcore, tables: Tables) -> None:
    """Ten minutes later the dialog can offer a new one."""
    core.senders.register("alerts", by="t")
    begun = core.authorizations.begin("alerts", by="t")
    tables("UPDATE authorization_request SET expires_at = now()")
    progress = core.authorizations.progress(begun.id)
    assert (progress.outcome, progress.code) == (AuthorizationOutcome.EXPIRED, "link_expired")


def test_progress_of_an_answer_that_was_cut_off(core: Mailcore, tables: Tables) -> None:
    """The program was killed in the middle of a callback: the dialog does not wait for ever."""
    core.senders.register("alerts", by="t")
    begun = core.authorizations.begin("alerts", by="t")
    tables("UPDATE authorization_request SET consumed_at = now()")
    outcome = core.authorizations.progress(begun.id).outcome
    assert outcome is AuthorizationOutcome.WAITING
    tables("UPDATE authorization_request SET consumed_at = now() - interval '2 minutes'")
    progress = core.authorizations.progress(begun.id)
    assert (progress.outcome, progress.code) == (AuthorizationOutcome.REFUSED, "cut_off")


@pytest.mark.parametrize("name", ["", "x", "00000000-0000-0000-0000-000000000000", "\0"])
def test_progress_of_nothing(core: Mailcore, name: str) -> None:
    """A made-up id is told as an invalid link."""
    with pytest.raises(LinkInvalid):
        core.authorizations.progress(name)


def test_the_next_one_due(core: Mailcore, tables: Tables) -> None:
    """Expired first, then what expires soon, until nobody is due."""
    for alias in ("well", "soon", "gone", "new"):
        core.senders.register(alias, by="t")
    tables("UPDATE sender SET status = 'healthy' WHERE alias <> 'new'")
    tables("UPDATE sender SET status = 'expired' WHERE alias = 'gone'")
    tables("UPDATE sender SET grant_expires_at = now() + interval '1 hour' WHERE alias = 'soon'")

    seen = []
    while begun := core.authorizations.next_due(by="t"):
        assert core.authorizations.progress(begun.id).walk
        seen.append(begun.alias)
        tables("DELETE FROM sender WHERE alias = %s", begun.alias)
    assert seen == ["gone", "soon"]


def test_one_that_cannot_be_renewed_now_does_not_keep_the_walk_from_the_others(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Cancelled on the first: the second is next; only then is the first offered again."""
    for alias in ("first", "second"):
        core.senders.register(alias, by="t")
    tables("UPDATE sender SET status = 'expired'")

    begun = core.authorizations.next_due(by="t")
    assert begun is not None
    assert begun.alias == "first"
    with pytest.raises(ConsentDenied):
        core.authorizations.complete(
            state=query(begun.url)["state"], code=None, error="access_denied"
        )

    following = core.authorizations.next_due(by="t")
    assert following is not None
    assert following.alias == "second"
    tables("DELETE FROM sender WHERE alias = 'second'")
    again = core.authorizations.next_due(by="t")
    assert again is not None
    assert again.alias == "first"


def test_links_of_long_ago_are_forgotten(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """A deployment that runs for years does not fill up with them; last week's stay."""
    core.tickets.issue(authorised, by="t")
    core.authorizations.begin(authorised, by="t")
    tables("UPDATE reauth_ticket SET expires_at = now() - interval '31 days'")
    tables("UPDATE authorization_request SET expires_at = now() - interval '8 days'")
    tables(
        "UPDATE authorization_request SET expires_at = now() - interval '31 days'"
        " WHERE consumed_at IS NULL"
    )
    core.authorizations.begin(authorised, by="t")
    assert tables("SELECT * FROM reauth_ticket") == []
    assert tables("SELECT count(*) FROM authorization_request") == [(2,)]
