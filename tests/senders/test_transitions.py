"""The state machine: the table, and what the SQL makes of it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import Mailcore, SenderStatus
from mailcore.clock import Deadline, now
from mailcore.google.error_mapping import ERRORS
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.message.compose import ComposedMessage
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.senders.transitions import REFUSALS, record_refusal, record_renewal
from mailcore.sending.delivery_table import record_sent
from mailcore.sending.outgoing import OutgoingMessage, SendRequest
from mailcore.status import TRANSITIONS, RefusedBy, Trigger
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables, meanwhile

EVENTS = st.sampled_from(Trigger)
STATUSES = st.sampled_from(SenderStatus)
ABOUT_THE_STORED_GRANT = [kind for kind in Trigger if kind is not Trigger.GRANT_STORED]


def after(trigger: Trigger, status: SenderStatus, *, same_generation: bool) -> SenderStatus:
    """What the design says that a trigger leads to."""
    transition = TRANSITIONS[trigger]
    guarded = trigger is not Trigger.GRANT_STORED
    if status not in transition.sources or (guarded and not same_generation):
        return status
    return transition.target


@given(EVENTS, STATUSES)
def test_what_concerns_an_older_grant_moves_nobody(event: Trigger, status: SenderStatus) -> None:
    """A slow job that fails with the old grant cannot undo the re-auth that happened meanwhile."""
    if event is not Trigger.GRANT_STORED:
        assert after(event, status, same_generation=False) is status


@given(EVENTS, STATUSES, st.booleans())
def test_a_repeated_event_changes_nothing_more(
    event: Trigger, status: SenderStatus, same_generation: bool
) -> None:
    """The second refusal of the same grant is no news."""
    once = after(event, status, same_generation=same_generation)
    assert after(event, once, same_generation=same_generation) is once


@given(STATUSES, st.booleans())
def test_a_stored_grant_heals_from_everywhere(status: SenderStatus, same: bool) -> None:
    """No state is one that a re-auth does not lead out of."""
    assert after(Trigger.GRANT_STORED, status, same_generation=same) is SenderStatus.HEALTHY


@given(st.lists(st.tuples(EVENTS, st.booleans()), max_size=20))
def test_nobody_becomes_pending_again(history: list[tuple[Trigger, bool]]) -> None:
    """Pending means never authorised; and without a grant nothing else can be said."""
    status, authorised = SenderStatus.PENDING, False
    for event, same_generation in history:
        status = after(event, status, same_generation=same_generation)
        authorised |= event is Trigger.GRANT_STORED
        assert (status is SenderStatus.PENDING) == (not authorised)


def test_every_combination_in_the_database(core: Mailcore, tables: Tables) -> None:
    """Each event, from each state, for this grant and an older one: as the function says.

    And each move has its line in the audit trail; what moves nobody has none.
    """
    core.senders.register("alerts", by="t")
    [(sender_id,)] = tables("SELECT id FROM sender")
    assert isinstance(sender_id, int)
    for kind in ABOUT_THE_STORED_GRANT:
        for status in SenderStatus:
            for same_generation in (True, False):
                tables(
                    "UPDATE sender SET status = %s, generation = 7, refused_by = 'token_endpoint',"
                    " token_json = NULL",
                    status.value,
                )
                tables("DELETE FROM sender_event")
                _happen(core, kind, sender_id, 7 if same_generation else 6)

                [(now_is, generation)] = tables("SELECT status, generation FROM sender")
                expected = after(kind, status, same_generation=same_generation)
                assert (now_is, generation) == (expected, 7), (kind, status, same_generation)
                lines = tables("SELECT what FROM sender_event")
                assert lines == ([(expected.value,)] if expected is not status else [])


def _happen(core: Mailcore, kind: Trigger, sender_id: int, generation: int) -> None:
    with core._database.connection() as connection, connection.transaction():
        if kind is Trigger.SEND_ACCEPTED:
            record_sent(connection, _sent(core, sender_id, generation), Accepted("id", "thread"))
            return
        if kind is Trigger.GRANT_RENEWED:
            record_renewal(
                connection,
                sender_id=sender_id,
                generation=generation,
                asked_at=now(),
                token_json="{}",
            )
            return
        [failure_kind] = [each for each, event in REFUSALS.items() if event is kind]
        record_refusal(
            connection,
            GoogleFailure(failure_kind, "reason", "text"),
            sender_id=sender_id,
            generation=generation,
            asked_at=now(),
            reason="reason",
            refused_by=RefusedBy.GMAIL,
        )


def _sent(core: Mailcore, sender_id: int, generation: int) -> OutgoingMessage:
    sender = core._tokens.load("alerts")
    request = SendRequest(
        alias="alerts",
        message=ComposedMessage(
            raw=b"x", message_id="<x@example.com>", recipients=("a@example.com",), subject="s"
        ),
        from_name=None,
        thread_id=None,
        idempotency_key=None,
        deadline=Deadline(30),
    )
    return OutgoingMessage(
        request=request,
        sender=replace(sender, id=sender_id, generation=generation),
        delivery_id=request.delivery_id,
        leased_until=None,
        attempts=1,
    )


@pytest.mark.parametrize("status", SenderStatus)
def test_a_reauth_heals_from_every_state(
    core: Mailcore, google: GoogleSandbox, tables: Tables, status: SenderStatus
) -> None:
    """In the database as in the table: healthy, one generation on, with a line that says so."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    tables("UPDATE sender SET status = %s, generation = 7", status.value)
    sender = authorise(core, google).sender
    assert (sender.status, sender.generation) == (SenderStatus.HEALTHY, 8)
    assert core.senders.events("alerts")[0].what == "reauthorized"


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind not in REFUSALS])
def test_what_is_nobodys_fault_moves_nobody(
    core: Mailcore, tables: Tables, kind: FailureKind
) -> None:
    """An outage, a rate limit, a refused client, a bad message: noted, and no more."""
    core.senders.register("alerts", by="t")
    [(sender_id,)] = tables("SELECT id FROM sender")
    assert isinstance(sender_id, int)
    for status in SenderStatus:
        tables("UPDATE sender SET status = %s", status.value)
        with core._database.connection() as connection, connection.transaction():
            record_refusal(
                connection,
                GoogleFailure(kind, "reason", "text"),
                sender_id=sender_id,
                generation=0,
                asked_at=now(),
                reason="in words",
                refused_by=RefusedBy.TOKEN_ENDPOINT,
            )
        sender = core.senders.get("alerts")
        assert (sender.status, sender.last_error_code, sender.last_error_text) == (
            status,
            ERRORS[kind].code,
            "in words",
        )
    assert len(core.senders.events("alerts")) == 1


def test_the_life_of_a_sender(core: Mailcore, google: GoogleSandbox) -> None:
    """Pending, healthy, expired, healthy again, with a trail that tells it."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann@example.com")
    authorise(core, google)
    google.expire_grant(ACCOUNT)
    expired = core.check("alerts")
    assert expired.status is SenderStatus.EXPIRED
    assert "invalid_grant" in str(expired.status_reason)
    assert core.settings.public_url not in str(expired.status_reason)
    assert expired.last_error_code == "reauth_required"
    authorise(core, google)
    trail = [(line.what, line.who) for line in core.senders.events("alerts")]
    assert trail == [
        ("reauthorized", "ann@example.com"),
        ("expired", "job"),
        ("reauthorized", "ann@example.com"),
        ("registered", "ann@example.com"),
    ]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.INVALID_GRANT, "expired", "reauth_required"),
        (faults.INVALID_RAPT, "expired", "reauth_required"),
        (faults.ACCOUNT_DELETED, "blocked", "sender_blocked"),
        (faults.ACCOUNT_SUSPENDED, "blocked", "sender_blocked"),
        (faults.ADMIN_POLICY_ENFORCED, "blocked", "sender_blocked"),
        (faults.INVALID_CLIENT, "healthy", "configuration"),
        (faults.UNAUTHORIZED_CLIENT, "expired", "reauth_required"),
        (faults.DISABLED_CLIENT, "healthy", "configuration"),
        (faults.DELETED_CLIENT, "healthy", "configuration"),
        (faults.too_many_requests(wait=86_400), "healthy", "rate_limited"),
        (faults.INTERNAL_FAILURE, "healthy", "temporary_failure"),
        (faults.TEMPORARILY_UNAVAILABLE, "healthy", "temporary_failure"),
        (faults.SERVICE_UNAVAILABLE_HTML, "healthy", "temporary_failure"),
        (faults.INTERNAL_ERROR_HTML, "healthy", "temporary_failure"),
        (faults.BAD_GATEWAY_HTML, "healthy", "temporary_failure"),
        (faults.OK_WITH_HTML, "healthy", "temporary_failure"),
        (faults.OK_WITH_GARBAGE, "healthy", "temporary_failure"),
        (faults.OK_WITH_TRUNCATED_JSON, "healthy", "temporary_failure"),
        (faults.CLOSE_BEFORE, "healthy", "temporary_failure"),
        (faults.CLOSE_AFTER, "healthy", "temporary_failure"),
        (faults.RESET_AFTER, "healthy", "temporary_failure"),
        (faults.CUT_AFTER, "healthy", "temporary_failure"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_refresh_that_fails_moves_only_whom_it_should(  # noqa: PLR0917 - by name
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    tables: Tables,
    fault: faults.Fault,
    status: str,
    code: str,
) -> None:
    """Every failure of the token endpoint: the right error, the right state, one request."""
    core.senders.register("other", gmail_account="billing@example.com", by="t")
    authorise(core, google, "other")
    tables.make_access_tokens_stale()
    google.fail("token", fault)

    with pytest.raises(Exception, match=authorised) as caught:
        core.access_token(authorised)

    assert getattr(caught.value, "code", None) == code
    assert google.requests.refreshes() == 1
    sender = core.senders.get(authorised)
    recorded = "other_client" if fault is faults.UNAUTHORIZED_CLIENT else code
    assert (sender.status, sender.last_error_code) == (status, recorded)
    assert (sender.status_reason is not None) == (status != "healthy")
    assert core.senders.get("other").status is SenderStatus.HEALTHY
    if fault.name == "429":
        assert 0 < getattr(caught.value, "retry_after", 0) <= 86_400
    if status == "healthy":
        assert core.access_token(authorised)
        assert core.senders.get(authorised).last_error_code is None


def test_a_token_endpoint_that_is_down_moves_nobody(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """An outage is not read as a revocation, and is over when it is over."""
    tables.make_access_tokens_stale()
    google.stop()
    with pytest.raises(Exception, match="safe to try again later") as caught:
        core.check(authorised)
    assert getattr(caught.value, "code", None) == "temporary_failure"
    assert core.senders.get(authorised).status is SenderStatus.HEALTHY
    google.start()
    assert core.access_token(authorised)


def test_a_send_that_failed_with_the_old_grant_undoes_no_reauth(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """The stale-failure race: the send is under way, the grant dies, someone re-authorises."""
    address = google.consent(core.authorizations.begin(authorised, by="t").url)
    with google.hold("send") as gate:
        slow = meanwhile(
            lambda: core.send_email(authorised, to="ops@example.com", subject="s", text="t")
        )
        gate.wait_for_arrivals(1)
        google.expire_grant(ACCOUNT)
        come_back(core, address)
    assert slow().alias == authorised  # sent with the new grant
    sender = core.senders.get(authorised)
    assert (sender.status, sender.generation) == (SenderStatus.HEALTHY, 2)
    assert "expired" not in {line.what for line in core.senders.events(authorised)}
    token = json.loads(str(tables("SELECT token_json FROM sender")[0][0]))["access_token"]
    assert core.access_token(authorised) == token
