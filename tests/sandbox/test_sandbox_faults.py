"""Everything that can be made to go wrong, as a client sees it."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import urllib3

from mailcore.sandbox import Ending, Fault, faults
from tests.sandbox.sandbox_calling import ANN, BOB, Caller

ANSWERS = [each for each in faults.catalogue().values() if each.ending is Ending.ANSWER]
LINE_FAULTS = [
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_BEFORE,
    faults.RESET_AFTER,
    faults.CUT_AFTER,
]


@pytest.mark.parametrize("fault", ANSWERS, ids=lambda fault: fault.name)
def test_a_send_is_answered_with_the_fault_once(caller: Caller, fault: Fault) -> None:
    """One send fails as arranged; the next is as if nothing had been."""
    token = caller.google.issue_grant(ANN)["access_token"]
    caller.google.fail("send", fault)
    answer = caller.send(token)
    assert (answer.status, answer.data) == (fault.status, fault.body)
    assert answer.headers["Content-Type"].lower() == fault.content_type.lower()
    assert len(caller.google.outbox) == fault.taken
    assert caller.send(token).status == 200


@pytest.mark.parametrize("fault", LINE_FAULTS, ids=lambda fault: fault.name)
def test_a_broken_line_gives_no_answer(caller: Caller, fault: Fault) -> None:
    """The client cannot tell whether its mail went out; the outbox can."""
    token = caller.google.issue_grant(ANN)["access_token"]
    caller.google.fail("send", fault)
    with pytest.raises(urllib3.exceptions.ProtocolError) as caught:
        caller.send(token)
    assert isinstance(caught.value.args[1], ConnectionResetError) == (
        fault.ending in {Ending.RESET, Ending.CLOSE}
    )
    assert ("reset by peer" in str(caught.value)) == (fault.ending is Ending.RESET)
    assert len(caller.google.outbox) == fault.taken
    assert caller.google.requests.sends(ANN) == 1


def test_a_rate_limit_names_the_moment(caller: Caller) -> None:
    """The text carries Gmail's date, and the header, if wanted, the seconds."""
    token = caller.google.issue_grant(ANN)["access_token"]
    until = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    caller.google.fail("send", faults.too_many_requests(until=until))
    caller.google.fail("send", faults.too_many_requests(90, text=False, header=True))
    dated, bare = caller.send(token), caller.send(token)
    assert dated.status == bare.status == 429
    assert "Retry after 2031-02-03T04:05:06.000Z" in dated.json()["error"]["message"]
    assert "Retry-After" not in dated.headers
    assert bare.headers["Retry-After"] == "90"
    assert "Retry after" not in bare.json()["error"]["message"]


def test_faults_queue_up_and_can_be_called_off(caller: Caller) -> None:
    """First come, first served; ``times=None`` lasts until ``heal``."""
    token = caller.google.issue_grant(ANN)["access_token"]
    caller.google.fail("send", faults.BAD_GATEWAY, times=2)
    caller.google.fail("send", faults.FORBIDDEN, times=None)
    assert [caller.send(token).status for _ in range(4)] == [502, 502, 403, 403]
    caller.google.heal()
    assert caller.send(token).status == 200


def test_a_fault_that_never_comes_is_an_error(caller: Caller) -> None:
    """Nought times is a slip of the pen."""
    with pytest.raises(ValueError, match="times"):
        caller.google.fail("send", faults.FORBIDDEN, times=0)


def test_a_fault_can_be_for_one_account(caller: Caller) -> None:
    """The others go on."""
    google = caller.google
    google.fail("send", faults.USER_RATE_LIMIT_EXCEEDED, account=ANN)
    assert caller.send(google.issue_grant(BOB)["access_token"]).status == 200
    assert caller.send(google.issue_grant(ANN)["access_token"]).status == 403


def test_the_token_endpoint_fails_on_its_own(caller: Caller) -> None:
    """A fault of the token endpoint leaves sending alone, and uses nothing up."""
    tokens = caller.google.issue_grant(ANN)
    caller.google.fail("token", faults.INVALID_RAPT, times=2)
    assert caller.send(tokens["access_token"]).status == 200
    code = caller.code()
    assert caller.exchange(code)[1]["error_subtype"] == "invalid_rapt"
    assert caller.refresh(tokens["refresh_token"])[0] == 400
    assert caller.exchange(code)[0] == 200


def test_a_slow_answer_comes_late_but_well(caller: Caller) -> None:
    """A delay alone changes nothing but the time."""
    token = caller.google.issue_grant(ANN)["access_token"]
    caller.google.fail("send", faults.slow(0.05))
    assert caller.send(token).status == 200
    assert len(caller.google.outbox) == 1


@pytest.mark.parametrize("fault", [faults.slow(60), faults.slow(60).after_taking()])
def test_a_client_that_gives_up_waiting(caller: Caller, fault: Fault) -> None:
    """A read timeout: the mail is in the outbox only if it was taken before the wait."""
    token = caller.google.issue_grant(ANN)["access_token"]
    caller.google.fail("send", fault)
    with pytest.raises(urllib3.exceptions.TimeoutError):
        caller.request(
            "POST",
            "/upload/gmail/v1/users/me/messages/send?uploadType=media",
            body=b"To: a@example.org\r\n\r\nHello",
            headers={"Authorization": f"Bearer {token}"},
            timeout=0.2,
        )
    assert caller.send(token).status == 200
    assert len(caller.google.outbox) == 1 + fault.taken


def test_stopping_breaks_off_what_is_under_way(caller: Caller) -> None:
    """Neither a long delay nor a gate nor a half-sent mail keeps the sandbox from stopping."""
    google = caller.google
    ann, bob = (google.issue_grant(each)["access_token"] for each in (ANN, BOB))
    google.fail("send", faults.slow(600).after_taking(), account=BOB)
    with (
        ThreadPoolExecutor(2) as pool,
        google.hold("send", ANN) as gate,
        socket.create_connection(
            (urlsplit(google.url).hostname, urlsplit(google.url).port)
        ) as half,
    ):
        half.sendall(
            b"POST /gmail/v1/users/me/messages/send HTTP/1.1\r\n"
            b"Host: sandbox\r\nContent-Length: 1000\r\n\r\n{"
        )
        held, slow = pool.submit(caller.send, ann), pool.submit(caller.send, bob)
        gate.wait_for_arrivals(1)
        google.wait_for_outbox(1)
        stopping = threading.Thread(target=google.stop)
        stopping.start()
        stopping.join(5)
        assert not stopping.is_alive()
        for unanswered in (held, slow):
            with pytest.raises(urllib3.exceptions.ProtocolError):
                unanswered.result(5)
    assert [sent.account for sent in google.outbox] == [BOB]


def test_requests_wait_at_a_gate(caller: Caller) -> None:
    """A race is played out in a chosen order: the grant ends while the send is on its way."""
    google = caller.google
    token = google.issue_grant(ANN)["access_token"]
    with ThreadPoolExecutor(3) as pool:
        with google.hold("send", ANN) as gate:
            waiting = [pool.submit(caller.send, token) for _ in range(3)]
            gate.wait_for_arrivals(3)
            assert google.requests.sends(ANN) == 3
            assert caller.send(google.issue_grant(BOB)["access_token"]).status == 200
            google.revoke_grant(ANN)
        assert [each.result().status for each in waiting] == [401, 401, 401]


def test_a_gate_before_the_answer(caller: Caller) -> None:
    """The mail is taken while its sender still waits to hear of it."""
    token = caller.google.issue_grant(ANN)["access_token"]
    with ThreadPoolExecutor(1) as pool:
        with caller.google.hold("send", at="answer") as gate:
            waiting = pool.submit(caller.send, token)
            gate.wait_for_arrivals(1)
            assert len(caller.google.outbox) == 1
            assert not waiting.done()
        assert waiting.result().status == 200


def test_waiting_in_vain_ends_with_an_error(caller: Caller) -> None:
    """A test that waits for what never comes fails, and says how far it got."""
    with caller.google.hold("token") as gate, pytest.raises(TimeoutError, match="0 of 1"):
        gate.wait_for_arrivals(1, timeout=0.01)
    with pytest.raises(TimeoutError, match="0 of 1"):
        caller.google.wait_for_outbox(1, timeout=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda google: google.fail("send", faults.FORBIDDEN, account="carl@example.com"),
        lambda google: google.hold("send", "carl@example.com"),
        lambda google: google.revoke_grant("carl@example.com"),
    ],
)
def test_a_switch_for_nobody_is_an_error(caller: Caller, wrong: Callable[..., None]) -> None:
    """A misspelt account does not silently switch nothing."""
    with pytest.raises(LookupError):
        wrong(caller.google)
