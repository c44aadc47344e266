"""The registry: what an admin registers, sees, changes and deletes."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import (
    DeliveryStatus,
    InvalidSender,
    LinkInvalid,
    Mailcore,
    ReauthRequired,
    SenderExists,
    SenderNotFound,
    SenderStatus,
)
from mailcore.sandbox import GoogleSandbox
from mailcore.senders.validation import checked_alias
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables, at_once


def test_a_registered_sender_is_pending(core: Mailcore) -> None:
    """What was typed is what is shown, and nothing is claimed of a grant."""
    sender = core.senders.register(
        "alerts",
        gmail_account=" Alerts@Example.com ",
        display_name=" Müller & Söhne ",
        project="shop",
        by="ann@example.com",
    )
    assert sender == core.senders.get("alerts")
    assert core.senders.page().senders == (sender,)
    assert (sender.gmail_account, sender.display_name, sender.project) == (
        "Alerts@example.com",
        "Müller & Söhne",
        "shop",
    )
    assert sender.status is SenderStatus.PENDING
    assert (sender.generation, sender.held, sender.has_own_client) == (0, 0, False)
    assert (sender.grant_expires_at, sender.expiring, sender.last_sent_at) == (None, False, None)
    assert sender.created_at.utcoffset() is not None
    [line] = core.senders.events("alerts")
    assert (line.what, line.who) == ("registered", "ann@example.com")


def test_an_alias_is_taken_once(core: Mailcore) -> None:
    """Of ten who register it at once, one gets it and the others hear so."""
    outcomes = at_once(10, lambda: core.senders.register("alerts", by="t").alias)
    assert outcomes.count("alerts") == 1
    assert sum(isinstance(each, SenderExists) for each in outcomes) == 9
    assert len(core.senders.events("alerts")) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gmail_account", "alerts"),
        ("gmail_account", "a@b@c.example.com"),
        ("gmail_account", "Ann <ann@example.com>"),
        ("gmail_account", "a\0@example.com"),
        ("display_name", "two\nlines"),
        ("display_name", "x" * 201),
        ("display_name", "a\0b"),
        ("project", "\u202ereversed"),
        ("credentials_json", "{}"),
        ("credentials_json", "not json"),
        ("credentials_json", '{"web": {"client_id": "x", "client_secret": ""}}'),
    ],
)
def test_an_unusable_field_is_named(core: Mailcore, field: str, value: str) -> None:
    """The form can mark the field; nothing was stored."""
    with pytest.raises(InvalidSender) as caught:
        core.senders.register("alerts", by="t", **{field: value})
    assert caught.value.field == field
    assert core.senders.page().matching == 0


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_empty_fields_are_absent_ones(core: Mailcore, empty: str | None) -> None:
    """A form sends what was not filled in as an empty text."""
    sender = core.senders.register(
        "alerts", gmail_account=empty, display_name=empty, project=empty, by="t"
    )
    assert (sender.gmail_account, sender.display_name, sender.project) == (None, None, None)


def test_accounts_for_trying_things_out_are_taken(core: Mailcore) -> None:
    """`.test` is reserved for just that (RFC 6761)."""
    assert core.senders.register("a", gmail_account="ops@staging.test", by="t").gmail_account


ALIASES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)


@given(ALIASES)
def test_every_alias_that_the_rule_allows_is_taken(alias: str) -> None:
    """But for the few that are addresses of the program itself."""
    if alias in {"callback", "reauth", "auth"}:
        assert _refused(alias)
    else:
        assert checked_alias(alias) == alias


@given(st.text(max_size=70) | ALIASES.map(lambda alias: f"{alias}\n") | ALIASES.map(str.upper))
def test_every_other_is_refused(alias: str) -> None:
    """Blanks, capitals, slashes, line ends, other alphabets: none becomes part of an address."""
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", alias, re.ASCII) is None:
        assert _refused(alias)


@pytest.mark.parametrize("alias", ["callback", "reauth", "auth"])
def test_addresses_of_the_program_are_no_aliases(core: Mailcore, alias: str) -> None:
    """`/senders/callback` must stay what it is."""
    with pytest.raises(InvalidSender, match="reserved") as caught:
        core.senders.register(alias, by="t")
    assert caught.value.field == "alias"


def _refused(alias: str) -> bool:
    try:
        checked_alias(alias)
    except InvalidSender as exc:
        return exc.field == "alias"
    return False


def test_changing_a_sender(core: Mailcore) -> None:
    """Only what is given changes; the audit trail says what, by whom; nothing leaves no line."""
    core.senders.register("alerts", display_name="A", project="p", by="t")

    changed = core.senders.update("alerts", by="ann@example.com", project="q", display_name=None)
    core.senders.update("alerts", by="ann@example.com", project="q")

    assert (changed.project, changed.display_name) == ("q", None)
    lines = core.senders.events("alerts")
    assert [line.what for line in lines] == ["changed", "registered"]
    assert lines[0].who == "ann@example.com"
    assert "project: q" in str(lines[0].detail)


def test_the_account_of_a_grant_cannot_be_changed(core: Mailcore, authorised: str) -> None:
    """Otherwise mail would go out under a name that is not the mailbox's."""
    with pytest.raises(InvalidSender, match=ACCOUNT) as caught:
        core.senders.update(authorised, gmail_account="billing@example.com", by="t")
    assert caught.value.field == "gmail_account"
    assert core.senders.update(authorised, gmail_account=ACCOUNT, by="t").gmail_account == ACCOUNT


def test_before_there_is_a_grant_the_account_can_be_corrected(core: Mailcore) -> None:
    """A typing mistake need not be deleted."""
    core.senders.register("alerts", gmail_account="alrets@example.com", by="t")
    assert core.senders.update("alerts", gmail_account=ACCOUNT, by="t").gmail_account == ACCOUNT
    with pytest.raises(InvalidSender):
        core.senders.update("alerts", gmail_account="nonsense", by="t")
    with pytest.raises(TypeError, match="no argument 'status'"):
        core.senders.update("alerts", status="healthy", by="t")  # type: ignore[call-arg]


def test_a_sender_gets_its_own_client_and_gives_it_back(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Consent is then asked by that client; a file that is none is refused."""
    core.senders.register("alerts", by="t")
    own = google.register_client()
    assert core.senders.set_client("alerts", google.credentials_for(own), by="t").has_own_client
    assert own.client_id in core.authorizations.begin("alerts", by="t").url
    with pytest.raises(InvalidSender, match="OAuth client file"):
        core.senders.set_client("alerts", "{}", by="t")
    assert not core.senders.set_client("alerts", None, by="t").has_own_client
    assert google.client_id in core.authorizations.begin("alerts", by="t").url


@pytest.mark.parametrize(
    "call",
    [
        lambda core: core.senders.get("gone"),
        lambda core: core.senders.update("gone", project="p", by="t"),
        lambda core: core.senders.set_client("gone", None, by="t"),
        lambda core: core.senders.delete("gone", by="t"),
        lambda core: core.authorizations.begin("gone", by="t"),
        lambda core: core.tickets.issue("gone", by="t"),
        lambda core: core.check("gone"),
    ],
)
def test_an_unknown_sender_is_told_everywhere(
    core: Mailcore, call: Callable[[Mailcore], object]
) -> None:
    """Whatever is asked of it."""
    with pytest.raises(SenderNotFound, match="gone"):
        call(core)


def test_deleting_removes_all_that_is_secret_and_keeps_the_record(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """Tokens, links and tickets are gone for good; events and deliveries stay."""
    core.send_email(authorised, to="ops@example.com", subject="s", text="t")
    core.senders.register("other", by="t")
    open_link = google.consent(core.authorizations.begin(authorised, by="t").url)
    core.authorizations.begin("other", by="t")
    ticket = core.tickets.issue(authorised, by="t").url
    assert ticket is not None

    assert core.senders.delete(authorised, by="bob@example.com").discarded_deliveries == 0

    assert [sender.alias for sender in core.senders.page().senders] == ["other"]
    with pytest.raises(LinkInvalid):
        come_back(core, open_link)
    with pytest.raises(LinkInvalid):
        core.tickets.redeem(ticket.rpartition("/")[2])
    assert tables("SELECT alias FROM authorization_request") == [("other",)]
    assert tables("SELECT * FROM reauth_ticket") == []
    lines = core.senders.events(authorised)
    assert [line.what for line in lines] == [
        "grant revoked",
        "deleted",
        "ticket issued",
        "reauthorized",
        "registered",
    ]
    assert lines[0].who == "bob@example.com"
    assert core.deliveries.page(alias=authorised).matching == 1


def test_deleting_discards_what_waited(core: Mailcore, authorised: str, tables: Tables) -> None:
    """The admin is told how many; what is sent or unknown stays as it is."""
    for number, status in enumerate(set(DeliveryStatus) - {DeliveryStatus.HELD}):
        tables(
            "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
            " body, created_at, updated_at) VALUES (gen_random_uuid(), %s, '{a@example.com}', 's',"
            " %s, %s, 0, 'x', now(), now())",
            authorised,
            str(number),
            status.value,
        )
    assert core.senders.get(authorised).queued == 1

    assert core.senders.delete(authorised, by="t").discarded_deliveries == 1

    left = tables("SELECT status, count(*) FROM delivery GROUP BY 1")
    assert ("discarded", 2) in left
    assert ("unknown", 1) in left
    assert "queued" not in {status for status, _ in left}
    assert tables("SELECT count(body) FROM delivery WHERE status = 'discarded'") == [(1,)]


def test_a_deleted_sender_can_be_registered_anew(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """It begins without a grant, and its old history is still there."""
    core.senders.delete(authorised, by="t")
    core.senders.register(authorised, gmail_account=ACCOUNT, by="t")
    with pytest.raises(ReauthRequired):
        core.access_token(authorised)
    assert authorise(core, google).sender.generation == 1
    assert len(core.senders.events(authorised)) == 6


def test_the_audit_trail_is_newest_first_and_limited(core: Mailcore) -> None:
    """A page shows the last lines."""
    core.senders.register("alerts", by="t")
    for number in range(5):
        core.senders.update("alerts", project=str(number), by="t")
    lines = core.senders.events("alerts", limit=3)
    assert [line.detail for line in lines] == ["project: 4", "project: 3", "project: 2"]
