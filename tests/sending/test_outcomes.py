"""Whatever Google answers, the caller, the log and the senders page say the same, and truly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailcore import (
    ConfigurationError,
    DeliveryStatus,
    InvalidMessage,
    Mailcore,
    MailError,
    MessageRejected,
    OutcomeUnknown,
    PalEMailError,
    RateLimited,
    ReauthRequired,
    Sender,
    SenderBlocked,
    SenderNotFound,
    SenderStatus,
    TemporaryFailure,
)
from mailcore.sandbox import Fault, GoogleSandbox, faults
from mailcore.sandbox.responses import gmail_error
from tests.support.steps import deliveries, history, send, the_delivery

HEALTHY, EXPIRED, BLOCKED = SenderStatus.HEALTHY, SenderStatus.EXPIRED, SenderStatus.BLOCKED


def _json(status: int, reason: str) -> Fault:
    """An answer of Google's own with a status and a reason."""
    body = gmail_error(status, "It says why.", reason, canonical="UNKNOWN")
    return Fault(f"{status}_{reason}", status=status, body=body)


REFUSALS = [
    (faults.UNAUTHORIZED, ReauthRequired, EXPIRED),
    (faults.INSUFFICIENT_PERMISSIONS, ReauthRequired, EXPIRED),
    (faults.MAIL_SERVICE_NOT_ENABLED, SenderBlocked, BLOCKED),
    (faults.DOMAIN_POLICY, SenderBlocked, BLOCKED),
    (faults.ACCESS_NOT_CONFIGURED, ConfigurationError, HEALTHY),
    (faults.FORBIDDEN, ConfigurationError, HEALTHY),
    (_json(403, "somethingNew"), ConfigurationError, HEALTHY),
    (_json(405, "httpMethodNotAllowed"), ConfigurationError, HEALTHY),
    (_json(404, "notFound"), MessageRejected, HEALTHY),
    (_json(422, "unprocessable"), MessageRejected, HEALTHY),
    (faults.PRECONDITION_FAILED, MessageRejected, HEALTHY),
    (faults.INVALID_ARGUMENT, MessageRejected, HEALTHY),
    (faults.TOO_LARGE, MessageRejected, HEALTHY),
]
WAITS = [
    (faults.RATE_LIMIT_EXCEEDED, RateLimited, HEALTHY),
    (faults.USER_RATE_LIMIT_EXCEEDED, RateLimited, HEALTHY),
    (faults.DAILY_LIMIT_EXCEEDED, RateLimited, HEALTHY),
    (faults.QUOTA_EXCEEDED, RateLimited, HEALTHY),
    (faults.too_many_requests(text=False), RateLimited, HEALTHY),
    (faults.SERVICE_UNAVAILABLE, TemporaryFailure, HEALTHY),
    (faults.SERVICE_UNAVAILABLE_HTML, TemporaryFailure, HEALTHY),
    (_json(408, "timeout"), TemporaryFailure, HEALTHY),
    (_json(421, "misdirected"), TemporaryFailure, HEALTHY),
]
Case = tuple[Fault, type[PalEMailError], SenderStatus]


def _names(cases: list[Case]) -> list[str]:
    return [fault.name for fault, *_ in cases]


def test_a_sent_mail_is_in_the_log_as_gmail_has_it(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The result, the delivery's row and the mail that went out tell of the same message."""
    sent = send(core)
    [mail] = google.outbox
    delivery = the_delivery(core)
    assert (sent.gmail_id, sent.thread_id) == (mail.gmail_id, mail.thread_id)
    assert sent.message_id == mail.email["Message-ID"] == delivery.message_id
    assert (delivery.id, delivery.gmail_id, delivery.thread_id) == (
        sent.delivery_id,
        sent.gmail_id,
        sent.thread_id,
    )
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.SENT, 1)
    assert delivery.recipients == ("ops@example.com",)
    assert delivery.error_code is None
    sender = core.senders.get("alerts")
    # What counts of a sender is when Gmail was asked, of a mail when it was taken.
    assert sender.last_sent_at
    assert delivery.sent_at
    assert alerts.updated_at < sender.last_sent_at <= delivery.sent_at
    assert sender.status is HEALTHY
    assert history(core) == ["registered", "reauthorized"]


@pytest.mark.parametrize("case", REFUSALS, ids=_names(REFUSALS))
def test_a_refusal_is_told_recorded_and_not_tried_again(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    case: Case,
) -> None:
    """One error of the right kind, one failed row, the sender in the right state, no mail."""
    fault, error, status = case
    google.fail("send", fault, times=None)
    raised = _refused(core, error)
    assert the_delivery(core).status is DeliveryStatus.FAILED
    # A 401 is tried once more with a renewed access token; nothing else is.
    assert google.requests.sends() == (2 if fault is faults.UNAUTHORIZED else 1)
    assert google.outbox == []
    sender = core.senders.get("alerts")
    assert sender.status is status
    assert sender.status_reason == (None if status is HEALTHY else raised.message)
    # The page tells a missing permission from a dead grant, and which client trouble it is.
    told_apart = {
        faults.INSUFFICIENT_PERMISSIONS.name: "scope_missing",
        faults.ACCESS_NOT_CONFIGURED.name: "api_disabled",
    }
    if error is ConfigurationError:
        told_apart.setdefault(fault.name, "project_refused")
    assert sender.last_error_code == told_apart.get(fault.name, raised.code)
    moved = [] if status is HEALTHY else [status.value]
    assert history(core) == ["registered", "reauthorized", *moved]


@pytest.mark.parametrize("case", WAITS, ids=_names(WAITS))
def test_what_passes_by_itself_is_tried_until_the_deadline(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    case: Case,
) -> None:
    """It is tried again and again, then told; nothing went out, and the sender is not blamed."""
    fault, error, status = case
    google.fail("send", fault, times=None)
    _refused(core, error, timeout=3)
    delivery = the_delivery(core)
    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.attempts == google.requests.sends() > 1
    assert google.outbox == []
    assert core.senders.get("alerts").status is status
    assert history(core) == ["registered", "reauthorized"]


@pytest.mark.parametrize("case", WAITS, ids=_names(WAITS))
def test_what_passes_in_time_is_never_noticed(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    case: Case,
) -> None:
    """A short hiccup costs a moment, and the mail goes out once."""
    fault, *_ = case
    google.fail("send", fault, times=2)
    send(core)
    assert the_delivery(core).attempts == 3
    assert len(google.outbox) == 1
    assert core.senders.get("alerts").last_error_code is None


UNKNOWN = [
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_BEFORE,
    faults.RESET_AFTER,
    faults.INTERNAL_ERROR,
    faults.INTERNAL_ERROR_HTML.after_taking(),
    faults.BAD_GATEWAY,
    faults.BAD_GATEWAY_HTML.after_taking(),
    faults.GATEWAY_TIMEOUT,
    faults.GATEWAY_TIMEOUT_HTML.after_taking(),
    faults.OK_WITH_HTML,
    faults.OK_WITH_GARBAGE,
    Fault("200_numbers", body=b'{"id": 1, "threadId": 2}'),
    Fault("200_empty"),
    Fault("200_nested", body=b"[" * 200_000),
    faults.slow(20),
    Fault("slow_after_taking", faults.Ending.NORMAL, delay=20, taken=True),
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=lambda fault: fault.name)
def test_what_may_have_arrived_is_posted_once_and_left_to_a_person(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, fault: Fault
) -> None:
    """No recipient ever gets a mail twice because an answer got lost."""
    google.fail("send", fault, times=None)
    _refused(core, OutcomeUnknown, timeout=0.8 if fault.delay else 5)
    delivery = the_delivery(core)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.UNKNOWN, 1)
    assert delivery.can_retry
    assert google.requests.sends() == 1
    assert len(google.outbox) == int(fault.taken and fault is not faults.OK_WITH_HTML)
    assert core.senders.get("alerts").status is HEALTHY
    assert history(core) == ["registered", "reauthorized"]


@pytest.mark.parametrize(
    "fault",
    [faults.CUT_AFTER, faults.OK_WITH_TRUNCATED_JSON],
    ids=lambda fault: fault.name,
)
def test_a_200_that_breaks_off_is_a_sent_mail(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, fault: Fault
) -> None:
    """Gmail has said yes: nobody is asked to settle it, and its ids are unknown."""
    google.fail("send", fault)
    sent = send(core)
    delivery = the_delivery(core)
    assert (sent.gmail_id, sent.thread_id) == (None, None)
    assert (delivery.status, delivery.gmail_id) == (DeliveryStatus.SENT, None)
    assert google.requests.sends() == len(google.outbox) == 1


TOKEN_FAULTS = [
    (faults.INVALID_GRANT, ReauthRequired, EXPIRED),
    (faults.INVALID_RAPT, ReauthRequired, EXPIRED),
    (faults.ACCOUNT_DELETED, SenderBlocked, BLOCKED),
    (faults.ACCOUNT_SUSPENDED, SenderBlocked, BLOCKED),
    (faults.ADMIN_POLICY_ENFORCED, SenderBlocked, BLOCKED),
    (faults.INVALID_CLIENT, ConfigurationError, HEALTHY),
    (faults.UNAUTHORIZED_CLIENT, ReauthRequired, EXPIRED),
    (faults.DISABLED_CLIENT, ConfigurationError, HEALTHY),
    (faults.DELETED_CLIENT, ConfigurationError, HEALTHY),
    (faults.INTERNAL_FAILURE, TemporaryFailure, HEALTHY),
    (faults.GATEWAY_TIMEOUT_HTML, TemporaryFailure, HEALTHY),
    (faults.TEMPORARILY_UNAVAILABLE, TemporaryFailure, HEALTHY),
    (faults.SERVICE_UNAVAILABLE_HTML, TemporaryFailure, HEALTHY),
    (faults.OK_WITH_HTML, TemporaryFailure, HEALTHY),
    (faults.CLOSE_BEFORE, TemporaryFailure, HEALTHY),
    (faults.too_many_requests(wait=86_400), RateLimited, HEALTHY),
]


@pytest.mark.parametrize("case", TOKEN_FAULTS, ids=_names(TOKEN_FAULTS))
def test_a_failed_renewal_of_access_tells_whose_fault_it_is(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    case: Case,
) -> None:
    """Trouble at the token endpoint flips a sender only if the grant or account is refused."""
    fault, error, status = case
    google.expire_access_tokens()
    google.fail("token", fault, times=None)
    # What passes by itself is tried until the time is over; all else is told at once.
    _refused(core, error, timeout=1 if error is TemporaryFailure else 10)
    assert the_delivery(core).status is DeliveryStatus.FAILED
    assert google.outbox == []
    assert core.senders.get("alerts").status is status


@pytest.mark.parametrize(
    "said", [{"text": True}, {"text": False, "header": True}], ids=["in the text", "Retry-After"]
)
def test_a_wait_beyond_the_deadline_is_told_at_once(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, said: dict[str, Any]
) -> None:
    """A job learns when to come back, instead of knocking in vain."""
    google.fail("send", faults.too_many_requests(wait=900, **said), times=None)
    raised = _refused(core, RateLimited)
    assert isinstance(raised, RateLimited)
    assert raised.retry_after == pytest.approx(900, abs=5)
    assert raised.retry_at is not None
    assert raised.retry_at - datetime.now(UTC) == pytest.approx(
        timedelta(seconds=900), abs=timedelta(seconds=5)
    )
    assert google.requests.sends() == 1


def test_no_attempt_is_begun_that_could_not_be_answered(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A mail known to be unsent stays so, rather than end as unknown at the last moment."""
    google.fail("send", faults.RATE_LIMIT_EXCEEDED.delayed(2.6))
    google.fail("send", faults.slow(20), times=None)
    _refused(core, RateLimited, timeout=5)
    assert google.requests.sends() == 1


def test_what_google_said_is_told_rather_than_that_the_time_was_up(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The second attempt finds its access token ended, and its renewal takes too long."""
    google.fail("send", faults.RATE_LIMIT_EXCEEDED)
    google.fail("send", faults.UNAUTHORIZED)
    google.fail("token", faults.slow(2.6))
    _refused(core, RateLimited, timeout=5)
    assert google.requests.sends() == 2


def test_a_slow_renewal_of_access_leaves_the_mail_unsent(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """What is left of the time is not spent on a post whose answer nobody could wait for."""
    google.expire_access_tokens()
    google.fail("token", faults.slow(2.6))
    google.fail("send", faults.UNAUTHORIZED)
    google.fail("send", faults.slow(20), times=None)
    _refused(core, TemporaryFailure, timeout=5)
    assert google.requests.sends() == 1


def test_a_short_wait_is_waited_for(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """Gmail's date is kept: not a moment earlier, and within the deadline."""
    until = datetime.now(UTC) + timedelta(seconds=0.8)
    google.fail("send", faults.too_many_requests(until=until))
    send(core)
    [mail] = google.outbox
    assert mail.received_at >= until
    assert google.requests.sends() == 2


def test_the_header_is_waited_for(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """A Retry-After of a second is a second."""
    begun = datetime.now(UTC)
    google.fail("send", faults.too_many_requests(wait=1, text=False, header=True))
    send(core)
    [mail] = google.outbox
    assert mail.received_at >= begun + timedelta(seconds=1)
    assert google.requests.sends() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "nobody"}, "to"),
        ({"to": []}, "to"),
        ({"text": None}, "text"),
        ({"subject": "one\r\nBcc: eve@example.com"}, "subject"),
        ({"attachments": [("big.bin", b"0" * (26 * 1024 * 1024))]}, "attachments"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"idempotency_key": " "}, "idempotency_key"),
        ({"idempotency_key": "k\0"}, "idempotency_key"),
        ({"idempotency_key": "\ud800"}, "idempotency_key"),
        ({"thread_id": "t\0"}, "thread_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_fails_before_google_is_asked(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, changes: dict[str, Any], field: str
) -> None:
    """The error names the field; Google hears nothing, and nothing is recorded."""
    with pytest.raises(InvalidMessage) as raised:
        send(core, **changes)
    assert (raised.value.field, raised.value.alias) == (field, "alerts")
    assert google.requests.sends() == 0
    assert deliveries(core) == ()


def test_an_unknown_sender_is_named(core: Mailcore) -> None:
    """A typing mistake in the alias is told as such."""
    with pytest.raises(SenderNotFound, match="'alrets'") as raised:
        send(core, "alrets")
    assert raised.value.alias == "alrets"


def test_a_sender_never_authorised_says_where_to(core: Mailcore, google: GoogleSandbox) -> None:
    """The error of a new sender leads to the admin page."""
    core.senders.register("alerts", by="ann")
    with pytest.raises(ReauthRequired, match="never been authorised") as raised:
        send(core)
    assert raised.value.admin_url == core.settings.public_url
    assert core.senders.get("alerts").status is SenderStatus.PENDING


def test_an_unknown_thread_is_the_messages_fault(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Gmail's 404 for a thread does not blame the sender."""
    _refused(core, MessageRejected, thread_id="0123456789abcdef")
    assert core.senders.get("alerts").status is HEALTHY


def test_a_reply_lands_in_its_thread(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """The thread id of one mail puts the next one beside it."""
    first = send(core)
    second = send(core, thread_id=first.thread_id, in_reply_to=first.message_id)
    assert second.thread_id == first.thread_id
    assert [mail.thread_id for mail in google.outbox] == [first.thread_id] * 2


def _refused(
    core: Mailcore, error: type[PalEMailError], *, timeout: float = 5, **changes: Any
) -> PalEMailError:
    """Send, and check that the error and the row agree."""
    with pytest.raises(PalEMailError) as caught:
        send(core, timeout=timeout, **changes)
    raised = caught.value
    assert type(raised) is error
    assert raised.alias == "alerts"
    delivery = the_delivery(core)
    assert (delivery.error_code, delivery.error_text) == (error.code, raised.message)
    assert delivery.gmail_id is None
    assert "alerts" in str(raised)
    if isinstance(raised, MailError):
        assert raised.delivery_id == delivery.id
    if isinstance(raised, ReauthRequired):
        assert raised.admin_url == core.settings.public_url
        assert core.settings.public_url in str(raised)
    return raised
