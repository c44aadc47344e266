"""The fault matrix: each way to send meets each fault, with and without an idempotency key.

A cell has a sender of its own. Its first request meets the fault; later ones meet nothing. What
the program was told, what Gmail has, and what the delivery and the sender say must agree.
"""

import smtplib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.message import EmailMessage
from http import HTTPStatus

import httpx2

from mailcore import DeliveryStatus, PalEMailError, SenderStatus
from mailcore.sandbox import Fault, faults
from proof.place import Place
from tests.callback.browsing import API_KEY
from tests.support.queueing import drain

#: Seconds that a program waits, and for an answer that does not come.
_PATIENCE, _TOO_LONG = 15, 2
#: Cells at the same time.
_AT_ONCE = 6

_AFTER = (
    faults.INTERNAL_ERROR,
    faults.INTERNAL_ERROR_HTML,
    faults.BAD_GATEWAY,
    faults.BAD_GATEWAY_HTML,
    faults.GATEWAY_TIMEOUT,
    faults.GATEWAY_TIMEOUT_HTML,
    faults.OK_WITH_HTML,
    faults.OK_WITH_GARBAGE,
)
_REDIRECT = Fault(
    "307_redirect", status=307, body=b"{}", headers={"Location": "https://login.invalid/"}
)
_NEVER = replace(faults.slow(60), name="no_answer")
_ANYWHERE = (
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_BEFORE,
    faults.RESET_AFTER,
    faults.CUT_AFTER,
    faults.INTERNAL_ERROR_HTML,
    faults.BAD_GATEWAY_HTML,
    faults.SERVICE_UNAVAILABLE_HTML,
    faults.GATEWAY_TIMEOUT_HTML,
    faults.OK_WITH_HTML,
    faults.OK_WITH_GARBAGE,
    _REDIRECT,
    _NEVER,
    replace(_NEVER.after_taking(), name="no_answer_after_taking"),
)
#: What Gmail's answer to a message may be, or what comes in its place.
GMAIL = (
    faults.UNAUTHORIZED,
    faults.INSUFFICIENT_PERMISSIONS,
    faults.RATE_LIMIT_EXCEEDED,
    faults.USER_RATE_LIMIT_EXCEEDED,
    faults.DAILY_LIMIT_EXCEEDED,
    faults.too_many_requests(wait=1),
    faults.ACCESS_NOT_CONFIGURED,
    faults.DOMAIN_POLICY,
    faults.FORBIDDEN,
    faults.MAIL_SERVICE_NOT_ENABLED,
    faults.PRECONDITION_FAILED,
    faults.INVALID_ARGUMENT,
    faults.TOO_LARGE,
    faults.INTERNAL_ERROR,
    faults.BAD_GATEWAY,
    faults.SERVICE_UNAVAILABLE,
    faults.GATEWAY_TIMEOUT,
    *_ANYWHERE,
    *(replace(each.after_taking(), name=f"{each.name}_after_taking") for each in _AFTER),
    faults.OK_WITH_TRUNCATED_JSON,
)
#: The same of the token endpoint, once Gmail has refused the access token.
TOKEN = (
    faults.INVALID_GRANT,
    faults.INVALID_RAPT,
    faults.UNAUTHORIZED_CLIENT,
    faults.ACCOUNT_DELETED,
    faults.ACCOUNT_SUSPENDED,
    faults.ADMIN_POLICY_ENFORCED,
    faults.INVALID_CLIENT,
    faults.DISABLED_CLIENT,
    faults.DELETED_CLIENT,
    faults.INTERNAL_FAILURE,
    faults.TEMPORARILY_UNAVAILABLE,
    *_ANYWHERE,
)
#: Only these say something of a sender.
_EXPIRE = {"insufficientPermissions", "invalid_grant", "invalid_rapt", "unauthorized_client"}
_BLOCK = {
    "domainPolicy",
    "mailServiceNotEnabled",
    "account_deleted",
    "account_suspended",
    "admin_policy_enforced",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One cell, before it is tried.

    Attributes:
        door: the way to send.
        endpoint: whose answer is the fault: *Gmail* or *token endpoint*.
        keyed: whether the program gives an idempotency key, and tries a second time with it.
    """

    door: str
    endpoint: str
    fault: Fault
    keyed: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of it.

    Attributes:
        told: *sent*, *queued* or an error's code, for each time the program tried.
        taken: how many messages Gmail has.
        row: what the delivery says then.
        sender: what its sender says after the first try.
        end: what the delivery says once a worker has looked after it.
        taken_in_the_end: how many messages Gmail has then.
    """

    case: Case
    told: tuple[str, ...]
    taken: int
    row: DeliveryStatus
    sender: SenderStatus
    end: DeliveryStatus
    taken_in_the_end: int

    def wrong(self) -> str | None:
        """Say what does not agree, or return None."""
        for row, taken in ((self.row, self.taken), (self.end, self.taken_in_the_end)):
            if taken > 1:
                return f"sent {taken} times"
            if row is DeliveryStatus.SENT and not taken:
                return "called sent, and was not"
            if row not in {DeliveryStatus.SENT, DeliveryStatus.UNKNOWN} and taken:
                return f"called {row}, and was sent"
        if self.sender not in _possible(self.case.fault.name):
            return f"its sender is {self.sender}"
        return self._misled()

    def _misled(self) -> str | None:
        if "queued" in self.told:
            return None
        last = self.told[-1]
        expected = {"sent": DeliveryStatus.SENT, "outcome_unknown": DeliveryStatus.UNKNOWN}
        if self.row is not expected.get(last, DeliveryStatus.FAILED):
            return f"the program was told {last}, the delivery says {self.row}"
        return None


def _possible(fault: str) -> set[SenderStatus]:
    if fault in _EXPIRE:
        return {SenderStatus.EXPIRED}
    if fault in _BLOCK:
        return {SenderStatus.BLOCKED}
    return {SenderStatus.HEALTHY}


def cases() -> list[Case]:
    """Return every cell."""
    return [
        Case(door, endpoint, fault, keyed)
        for door in DOORS
        for endpoint, kinds in (("Gmail", GMAIL), ("token endpoint", TOKEN))
        for fault in kinds
        for keyed in ((False, True) if door != "SMTP" else (True,))
    ]


def run(place: Place, wanted: list[Case]) -> Iterator[Cell]:
    """Try cells out, a few at a time; yield each as it is done.

    Args:
        place: a deployment, straight to Google or through a proxy.
        wanted: some of `cases`.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        numbered = enumerate(wanted)
        yield from pool.map(lambda each: _try_out(place, f"cell-{each[0]}", each[1]), numbered)


def _try_out(place: Place, alias: str, case: Case) -> Cell:
    account = place.add_sender(alias)
    if case.endpoint == "Gmail":
        place.google.fail("send", case.fault, account=account)
    else:
        place.google.expire_access_tokens(account)
        place.google.fail("token", case.fault, account=account)
    patience = _TOO_LONG if case.fault.delay else _PATIENCE
    send = DOORS[case.door]
    told = [send(place, alias, case.keyed, patience)]
    if told[0] == "queued":
        drain(place.jobs, alias)
    row, taken, sender = _seen(place, alias, account)
    if case.keyed:  # as a program does that has not heard, or is started again
        told.append(send(place, alias, case.keyed, _PATIENCE))
        if told[0] != "queued":
            row, taken, _ = _seen(place, alias, account)
    place.tables(
        "UPDATE sender SET next_send_at = NULL, send_interval = 0, status = 'healthy'"
        " WHERE alias = %s",
        alias,
    )
    drain(place.jobs, alias)
    end, taken_in_the_end, _ = _seen(place, alias, account)
    return Cell(case, tuple(told), taken, row, sender, end, taken_in_the_end)


def _seen(place: Place, alias: str, account: str) -> tuple[DeliveryStatus, int, SenderStatus]:
    rows = place.core.deliveries.listing(alias=alias)
    assert len(rows) == 1, f"{alias} has {len(rows)} deliveries"
    taken = sum(mail.account == account for mail in place.google.outbox)
    return rows[0].status, taken, place.core.senders.get(alias).status


def _send_email(place: Place, alias: str, keyed: bool, patience: int) -> str:
    key = "once" if keyed else None
    try:
        place.jobs.send_email(
            alias, to="ann@example.com", subject=alias, text="t", idempotency_key=key,
            timeout=patience,
        )  # fmt: skip
    except PalEMailError as exc:
        return exc.code
    return "sent"


def _queue_email(place: Place, alias: str, keyed: bool, _patience: int) -> str:
    key = "once" if keyed else None
    place.jobs.queue_email(
        alias, to="ann@example.com", subject=alias, text="t", idempotency_key=key
    )
    return "queued"


def _http(place: Place, alias: str, keyed: bool, patience: int) -> str:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    if keyed:
        headers["Idempotency-Key"] = "once"
    answer = httpx2.post(
        f"{place.http}/senders/{alias}/messages?wait={patience}",
        json={"to": ["ann@example.com"], "subject": alias, "text": "t"},
        headers=headers,
        timeout=60,
    )
    if answer.status_code == HTTPStatus.OK:
        return "sent"
    return str(answer.json()["code"])


def _smtp(place: Place, alias: str, _keyed: bool, _patience: int) -> str:
    message = EmailMessage()
    message["From"], message["To"] = f"{alias}@example.com", "ann@example.com"
    message["Subject"], message["Message-ID"] = alias, f"<{alias}@example.com>"
    message.set_content("t")
    with smtplib.SMTP("127.0.0.1", place.smtp, timeout=60) as client:
        client.login(alias, API_KEY)
        client.send_message(message)
    return "queued"


#: The ways to send: each returns what the program was told.
DOORS: dict[str, Callable[[Place, str, bool, int], str]] = {
    "send_email": _send_email,
    "queue_email": _queue_email,
    "HTTP": _http,
    "SMTP": _smtp,
}
