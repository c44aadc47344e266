"""Coming back from Google: what is stored, what is refused, and that the old grant survives."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import (
    AuthorizationError,
    AuthorizationOutcome,
    Completed,
    ConfigurationError,
    ConsentDenied,
    DatabaseUnavailable,
    DeliveryStatus,
    ExchangeFailed,
    IdentityMissing,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    Mailcore,
    PalEMailError,
    PermissionMissing,
    RefreshTokenMissing,
    SenderNotFound,
    SenderStatus,
    Settings,
    WrongAccount,
    now,
)
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.senders.accounts import same_account
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.driving import Tables, at_once, meanwhile
from tests.support.token_stand_in import TokenStandIn, id_token

SEND = "https://www.googleapis.com/auth/gmail.send"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"


def back_from(core: Mailcore, google: GoogleSandbox, **person: Any) -> str:
    return google.consent(core.authorizations.begin("alerts", by="ann@example.com").url, **person)


def works_with_the_old_grant(core: Mailcore) -> bool:
    """Asked of Google, not of the database."""
    return core.check("alerts").status is SenderStatus.HEALTHY and (
        core.senders.get("alerts").generation == 1
    )


def refused(core: Mailcore, address: str, error: type[PalEMailError]) -> PalEMailError:
    """Come back, be refused, and find the refusal in the progress and the audit trail."""
    with pytest.raises(error) as caught:
        come_back(core, address)
    exc = caught.value
    assert type(exc) is error
    assert exc.alias == "alerts"
    assert "alerts" in str(exc) or error in {IdentityMissing, ConfigurationError}
    line = core.senders.events("alerts")[0]
    assert (line.what, line.who) == ("reauth refused", "ann@example.com")
    assert str(line.detail).startswith(exc.code)
    if isinstance(exc, AuthorizationError):
        assert exc.authorization_id is not None
        progress = core.authorizations.progress(exc.authorization_id)
        assert (progress.outcome, progress.code) == (AuthorizationOutcome.REFUSED, exc.code)
        assert progress.detail == exc.message
    return exc


# What is stored


def test_a_consent_makes_the_sender_healthy(core: Mailcore, google: GoogleSandbox) -> None:
    """Everything that the page shows about the grant is there, and mail goes out."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    before = now()
    done = authorise(core, google)

    sender = done.sender
    assert sender == core.senders.get("alerts")
    assert (sender.status, sender.status_reason, sender.generation) == (
        SenderStatus.HEALTHY,
        None,
        1,
    )
    assert set(sender.granted_scopes) == {"openid", EMAIL, SEND}
    assert sender.grant_issued_at is not None
    assert before <= sender.grant_issued_at <= now()
    assert sender.last_refreshed_at is not None
    assert (done.requested_by, done.walk, done.released) == ("ann@example.com", None, 0)
    outcome = core.authorizations.progress(done.authorization_id).outcome
    assert outcome is AuthorizationOutcome.DONE
    line = core.senders.events("alerts")[0]
    assert (line.what, line.who) == ("reauthorized", "ann@example.com")
    core.send_email("alerts", to="ops@example.com", subject="s", text="t")


def test_an_expired_sender_becomes_healthy_again(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The minute that matters: expired, consent, healthy, the next mail goes out."""
    google.expire_grant(ACCOUNT)
    assert core.check(authorised).status is SenderStatus.EXPIRED

    sender = authorise(core, google).sender

    assert (sender.status, sender.generation) == (SenderStatus.HEALTHY, 2)
    assert (sender.last_error_code, sender.status_reason) == (None, None)
    assert core.access_token(authorised)
    core.send_email(authorised, to="ops@example.com", subject="s", text="t")


def test_a_consent_that_google_broke_off_says_so(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Nobody is told to press a button that was not to blame."""
    state = query(core.authorizations.begin(authorised, by="t").url)["state"]
    with pytest.raises(ConsentDenied, match="server_error") as refused:
        core.authorizations.complete(state=state, code=None, error="server_error")
    assert "Continue" not in str(refused.value)
    assert core.senders.get(authorised).status is SenderStatus.HEALTHY


def test_held_mail_is_released(core: Mailcore, google: GoogleSandbox, tables: Tables) -> None:
    """The page can say how many go out now; another sender's stay held."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    for alias, status in [
        ("alerts", "queued"),
        ("alerts", "queued"),
        ("alerts", "unknown"),
        ("x", "queued"),
    ]:
        tables(
            "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
            " send_at, created_at, updated_at) VALUES (gen_random_uuid(), %s, '{}', 's', 'm', %s,"
            " 0, now(), now(), now())",
            alias,
            status,
        )
    assert core.senders.get("alerts").held == 2
    assert authorise(core, google).released == 2
    assert core.senders.get("alerts").held == 0
    assert core.deliveries.page(status=DeliveryStatus.HELD).matching == 1


def test_google_tells_when_the_grant_ends(core: Mailcore, google: GoogleSandbox) -> None:
    """In Testing: in seven days, and no setting is asked."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    sender = authorise(core, google).sender
    assert sender.grant_expires_at is not None
    assert abs(sender.grant_expires_at - now() - timedelta(days=7)) < timedelta(minutes=1)
    assert not sender.expiring


@pytest.mark.parametrize("days", [None, 30.0])
def test_where_google_names_no_end(settings: Settings, tables: Tables, days: float | None) -> None:
    """PALEMAIL_GRANT_DAYS counts if set; otherwise no end is known, and none is claimed."""
    with GoogleSandbox(grant_days=None) as google:
        for_ever = settings.model_copy(
            update={
                "grant_days": days,
                "google_auth_uri": google.auth_uri,
                "google_token_uri": google.token_uri,
                "google_client_id": google.client_id,
                "google_client_secret": Settings(
                    google_client_id="x", google_client_secret=google.client_secret
                ).google_client_secret,
            }
        )
        core = Mailcore(for_ever)
        core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
        ends = authorise(core, google).sender.grant_expires_at
        core.close()
    if days is None:
        assert ends is None
    else:
        assert ends is not None
        assert abs(ends - now() - timedelta(days=days)) < timedelta(minutes=1)


def test_a_sender_without_an_account_adopts_the_first(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """And from then on belongs to it."""
    core.senders.register("alerts", by="ann@example.com")
    assert authorise(core, google, account=ACCOUNT).sender.gmail_account == ACCOUNT
    refused(core, back_from(core, google, account="billing@example.com"), WrongAccount)


# Links


def test_a_link_works_once(core: Mailcore, google: GoogleSandbox) -> None:
    """A replay or a double click is told so, and stores nothing."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    address = back_from(core, google)
    done = come_back(core, address)
    with pytest.raises(LinkUsed) as caught:
        come_back(core, address)
    assert caught.value.authorization_id == done.authorization_id
    assert works_with_the_old_grant(core)
    assert google.requests.exchanges() == 1


def test_of_many_who_come_back_at_once_one_is_served(core: Mailcore, google: GoogleSandbox) -> None:
    """Ten callbacks with one state: one exchange, one grant, nine times "already used"."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    address = back_from(core, google)
    outcomes = at_once(10, lambda: come_back(core, address))
    assert sum(isinstance(each, Completed) for each in outcomes) == 1
    assert sum(isinstance(each, LinkUsed) for each in outcomes) == 9
    assert google.requests.exchanges() == 1
    assert core.senders.get("alerts").generation == 1


def test_an_old_link_is_refused(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """After ten minutes, whatever Google says."""
    address = back_from(core, google)
    tables("UPDATE authorization_request SET expires_at = now() WHERE consumed_at IS NULL")
    with pytest.raises(LinkExpired, match="ten minutes"):
        come_back(core, address)
    assert works_with_the_old_grant(core)
    assert google.requests.exchanges() == 1  # the first one's


@pytest.mark.parametrize("state", [None, "", "forged", "a\0b", "é" * 100])
def test_a_forged_state_is_refused(
    core: Mailcore, google: GoogleSandbox, state: str | None
) -> None:
    """Nobody was given it; Google is not even asked."""
    core.senders.register("alerts", by="t")
    core.authorizations.begin("alerts", by="t")
    with pytest.raises(LinkInvalid):
        core.authorizations.complete(state=state, code="code", error=None)
    assert google.requests.exchanges() == 0


def test_a_code_for_another_link_is_refused(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """PKCE ties a code to the link that it was asked by: a stolen code is worth nothing."""
    core.senders.register("other", by="t")
    stolen = query(google.consent(core.authorizations.begin("other", by="t").url, ACCOUNT))["code"]
    state = query(back_from(core, google))["state"]
    exc = refused(
        core, f"http://x/?state={state}&code={stolen.replace('/', '%2F')}", ExchangeFailed
    )
    assert isinstance(exc, ExchangeFailed)
    assert not exc.temporary
    assert works_with_the_old_grant(core)


# Refusals


def test_a_cancelled_consent(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """Cancel changes nothing."""
    exc = refused(core, back_from(core, google, cancel=True), ConsentDenied)
    assert isinstance(exc, ConsentDenied)
    assert exc.google_error == "access_denied"
    assert works_with_the_old_grant(core)


def test_an_answer_without_a_code(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """Neither consent nor refusal is no consent."""
    state = query(core.authorizations.begin("alerts", by="ann@example.com").url)["state"]
    refused(core, f"http://x/?state={state}", ConsentDenied)
    assert works_with_the_old_grant(core)


def test_an_unticked_permission(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """The missing permission is named in Google's own words."""
    exc = refused(core, back_from(core, google, untick=["gmail.send"]), PermissionMissing)
    assert isinstance(exc, PermissionMissing)
    assert exc.missing == {SEND}
    assert "send email on your behalf" in str(exc)
    assert works_with_the_old_grant(core)


def test_the_wrong_account(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """Both addresses are named."""
    exc = refused(core, back_from(core, google, account="billing@example.com"), WrongAccount)
    assert isinstance(exc, WrongAccount)
    assert (exc.expected, exc.actual) == (ACCOUNT, "billing@example.com")
    assert ACCOUNT in str(exc)
    assert "billing@example.com" in str(exc)
    assert works_with_the_old_grant(core)


@pytest.mark.parametrize(
    "fault",
    [
        faults.SERVICE_UNAVAILABLE_HTML,
        faults.INTERNAL_ERROR_HTML,
        faults.BAD_GATEWAY_HTML,
        faults.TEMPORARILY_UNAVAILABLE,
        faults.INTERNAL_FAILURE,
        faults.too_many_requests(wait=86_400),
        faults.OK_WITH_HTML,
        faults.OK_WITH_GARBAGE,
        faults.OK_WITH_TRUNCATED_JSON,
        faults.CLOSE_BEFORE,
        faults.RESET_AFTER,
        faults.CUT_AFTER,
    ],
    ids=lambda fault: fault.name,
)
def test_google_is_out_of_order(
    core: Mailcore, google: GoogleSandbox, authorised: str, fault: faults.Fault
) -> None:
    """However it fails: trying again soon is likely to work, and is what the person reads."""
    address = back_from(core, google)
    google.fail("token", fault)
    exc = refused(core, address, ExchangeFailed)
    assert isinstance(exc, ExchangeFailed)
    assert exc.temporary
    assert "Start again in a minute" in str(exc)
    assert works_with_the_old_grant(core)


def test_google_is_down(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """Nobody listens at the token endpoint."""
    address = back_from(core, google)
    google.stop()
    exc = refused(core, address, ExchangeFailed)
    assert isinstance(exc, ExchangeFailed)
    assert exc.temporary
    google.start()
    assert works_with_the_old_grant(core)


@pytest.mark.parametrize(
    "fault",
    [
        faults.INVALID_CLIENT,
        faults.UNAUTHORIZED_CLIENT,
        faults.DISABLED_CLIENT,
        faults.DELETED_CLIENT,
    ],
    ids=lambda fault: fault.name,
)
def test_a_refused_client_is_the_setups_fault(
    core: Mailcore, google: GoogleSandbox, authorised: str, fault: faults.Fault
) -> None:
    """No sender is blamed."""
    address = back_from(core, google)
    google.fail("token", fault)
    exc = refused(core, address, ConfigurationError)
    assert "Setup page" in str(exc)
    assert fault.name in str(exc)
    assert works_with_the_old_grant(core)


def test_a_sender_deleted_while_google_is_asked(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """It does not come back with the grant, and the late one is ended at Google like the first."""
    address = back_from(core, google)
    with google.hold("token") as gate:
        slow = meanwhile(lambda: come_back(core, address))
        gate.wait_for_arrivals(1)
        core.senders.delete("alerts", by="t")
    with pytest.raises(SenderNotFound):
        slow()
    assert core.senders.page().matching == 0
    newest = [each.what for each in core.senders.events("alerts")[:3]]
    assert newest == ["grant revoked", "grant revoked", "deleted"]


def test_a_database_that_is_down_uses_no_link_up(
    core: Mailcore, settings: Settings, google: GoogleSandbox, authorised: str
) -> None:
    """Reloading the page once it is up completes the re-auth."""
    address = back_from(core, google)
    nowhere = Settings(database_url="postgresql://nobody@127.0.0.1:9/none").database_url
    down = Mailcore(settings.model_copy(update={"database_url": nowhere}))
    with pytest.raises(DatabaseUnavailable):
        come_back(down, address)
    assert come_back(core, address).sender.generation == 2


# Who consented, and with what: a token endpoint that answers as the test wants


@pytest.fixture
def endpoint() -> Iterator[TokenStandIn]:
    with TokenStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def elsewhere(settings: Settings, endpoint: TokenStandIn) -> Iterator[Mailcore]:
    """A deployment on that endpoint, with a registered sender."""
    core = Mailcore(settings.model_copy(update={"google_token_uri": endpoint.token_uri}))
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    yield core
    core.close()


def answered(core: Mailcore) -> str:
    state = query(core.authorizations.begin("alerts", by="ann@example.com").url)["state"]
    return f"http://x/?state={state}&code=any"


def tokens(core: Mailcore, endpoint: TokenStandIn, **claims: Any) -> dict[str, Any]:
    client_id = core.settings.google_client_id
    assert client_id is not None
    return endpoint.tokens(client_id, claims.pop("account", ACCOUNT), **claims)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"lasts": 4},
        {"lasts": -60},  # clocks differ
        {"email_verified": "true"},
        {"account": "ALERTS@Example.com"},
    ],
    ids=str,
)
def test_a_proven_identity_is_taken(
    elsewhere: Mailcore, endpoint: TokenStandIn, claims: dict[str, Any]
) -> None:
    """Google's answer in its usual variations."""
    endpoint.answer_json(tokens(elsewhere, endpoint, **claims))
    assert come_back(elsewhere, answered(elsewhere)).sender.gmail_account == ACCOUNT


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"aud": None},
        {"aud": ["another", "client"]},
        {"iss": "https://accounts.google.com"},
        {"iss": "http://127.0.0.1:1"},
        {"iss": "http://[::1"},
        {"iss": None},
        {"lasts": -3600},
        {"exp": None},
        {"exp": "tomorrow"},
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
    ],
    ids=str,
)
def test_an_identity_that_is_not_proven_is_refused(
    elsewhere: Mailcore, endpoint: TokenStandIn, claims: dict[str, Any]
) -> None:
    """A token for someone else, of someone else, out of date, or with an unverified address."""
    endpoint.answer_json(tokens(elsewhere, endpoint, **claims))
    refused(elsewhere, answered(elsewhere), IdentityMissing)
    assert elsewhere.senders.get("alerts").status is SenderStatus.PENDING


@pytest.mark.parametrize(
    "token",
    [None, "", "x", "a.b", "a.b.c", "ä.ö.ü", 7, id_token([]), id_token("x"), id_token(None)],
)
def test_an_identity_that_cannot_be_read_is_refused(
    elsewhere: Mailcore, endpoint: TokenStandIn, token: object
) -> None:
    """Whatever is in its place."""
    endpoint.answer_json({**tokens(elsewhere, endpoint), "id_token": token})
    refused(elsewhere, answered(elsewhere), IdentityMissing)


def test_missing_permissions_come_before_a_missing_identity(
    elsewhere: Mailcore, endpoint: TokenStandIn
) -> None:
    """Who unticked the address is told to tick it, rather than that nothing is proven."""
    answer = {**tokens(elsewhere, endpoint, email=None, email_verified=None), "scope": "openid"}
    endpoint.answer_json(answer)
    exc = refused(elsewhere, answered(elsewhere), PermissionMissing)
    assert isinstance(exc, PermissionMissing)
    assert exc.missing == {SEND, EMAIL}
    assert "see your email address" in str(exc)


@pytest.mark.parametrize(
    "scope", [None, f"email {SEND}", f"{EMAIL} https://mail.google.com/", f"{SEND} {EMAIL} more"]
)
def test_enough_permission_in_other_words(
    elsewhere: Mailcore, endpoint: TokenStandIn, scope: str | None
) -> None:
    """No scope means as asked (RFC 6749, section 5.1); a wider one will do; more does no harm."""
    answer = {**tokens(elsewhere, endpoint), "scope": scope}
    endpoint.answer_json({name: value for name, value in answer.items() if value is not None})
    assert come_back(elsewhere, answered(elsewhere)).sender.status is SenderStatus.HEALTHY


def test_without_a_refresh_token_the_stored_one_is_kept(
    elsewhere: Mailcore, endpoint: TokenStandIn, tables: Tables
) -> None:
    """A re-consent that brings none does not wipe the good one."""
    endpoint.answer_json({**tokens(elsewhere, endpoint), "refresh_token": "1//the-good-one"})
    come_back(elsewhere, answered(elsewhere))
    answer = {**tokens(elsewhere, endpoint), "access_token": "ya29.newer"}
    endpoint.answer_json({**answer, "refresh_token": None})

    assert come_back(elsewhere, answered(elsewhere)).sender.generation == 2

    [(stored,)] = tables("SELECT token_json FROM sender")
    assert "1//the-good-one" in str(stored)
    assert elsewhere.access_token("alerts") == "ya29.newer"


def test_without_any_refresh_token_it_is_refused(
    elsewhere: Mailcore, endpoint: TokenStandIn
) -> None:
    """It would stop working within the hour; the person reads how to get one."""
    endpoint.answer_json({**tokens(elsewhere, endpoint), "refresh_token": None})
    exc = refused(elsewhere, answered(elsewhere), RefreshTokenMissing)
    assert "myaccount.google.com/connections" in str(exc)
    assert elsewhere.senders.get("alerts").status is SenderStatus.PENDING


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": "invalid_grant", "error_description": "Malformed auth code."}),
        (403, {"error": "access_denied"}),
        (400, {"error": {"code": 400, "message": "?", "status": "INVALID_ARGUMENT"}}),
        (400, {"error": ["?"]}),
        (200, {"error": "server_error"}),
        (200, {}),
        (200, None),
        (200, "text"),
        (200, {"access_token": "x", "expires_in": "soon"}),
        (200, {"access_token": "x", "expires_in": 1e300}),
        (200, {"access_token": "x", "refresh_token_expires_in": "soon"}),
        (200, {"access_token": "x", "refresh_token_expires_in": 1e300}),
        (200, {"access_token": "x", "refresh_token_expires_in": [1]}),
        (204, {}),
        (418, {}),
    ],
)
def test_every_other_answer_ends_in_a_clear_refusal(
    elsewhere: Mailcore, endpoint: TokenStandIn, status: int, answer: object
) -> None:
    """None ends in a traceback, and none changes the sender."""
    endpoint.answer_json(answer, status)
    with pytest.raises((ExchangeFailed, ConfigurationError)) as caught:
        come_back(elsewhere, answered(elsewhere))
    assert caught.value.alias == "alerts"
    sender = elsewhere.senders.get("alerts")
    assert (sender.status, sender.generation) == (SenderStatus.PENDING, 0)


def test_a_refresh_that_brings_a_new_refresh_token_keeps_it(
    elsewhere: Mailcore, endpoint: TokenStandIn, tables: Tables
) -> None:
    """Google may replace it; the old one would then stop working."""
    endpoint.answer_json(tokens(elsewhere, endpoint))
    come_back(elsewhere, answered(elsewhere))
    endpoint.answer_json({"access_token": "ya29.x", "expires_in": 3599, "refresh_token": "1//new"})
    tables.make_access_tokens_stale()
    assert elsewhere.access_token("alerts") == "ya29.x"
    assert "1//new" in str(tables("SELECT token_json FROM sender"))


# One Google account in many spellings

LOCAL = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
GMAIL = st.sampled_from(["gmail.com", "googlemail.com", "GMail.com", "GoogleMail.COM"])


@given(LOCAL, st.data(), GMAIL, GMAIL, st.from_regex(r"(\+[a-z.+]{0,5})?", fullmatch=True))
def test_at_gmail_dots_tags_and_case_are_no_difference(
    local: str, data: st.DataObject, one: str, other: str, tag: str
) -> None:
    """Whichever way the admin typed the address, the account that consents is recognised."""
    dotted = ".".join(data.draw(st.sampled_from([list(local), [local], [local[:1], local[1:]]])))
    assert same_account(f"{local}@{one}", f" {dotted.strip('.').upper()}{tag}@{other} ")


@given(LOCAL, LOCAL, GMAIL)
def test_at_gmail_different_names_are_different_accounts(one: str, other: str, domain: str) -> None:
    """No mailbox is mistaken for another."""
    assert same_account(f"{one}@{domain}", f"{other}@{domain}") == (one == other)
    assert not same_account(f"{one}@{domain}", f"{one}@example.com")


@given(LOCAL)
def test_elsewhere_only_case_is_no_difference(local: str) -> None:
    """At a company's own domain, a dot makes another person."""
    assert same_account(f"{local}@example.com", f"{local.upper()}@EXAMPLE.com")
    assert not same_account(f"{local}@example.com", f"{local}+x@example.com")
    assert not same_account(f"{local}x@example.com", f"{local}.x@example.com")
