"""A call to Google ends when it was told to, whatever takes its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from mailcore.clock import Deadline
from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted, Gmail
from mailcore.google.gmail_requests import GmailRequests
from mailcore.google.refresh import TokenRefresh
from mailcore.google.transport import Transport
from mailcore.sandbox import GoogleSandbox
from tests.support.addresses import dead_addresses, hanging_resolver, resolves_to
from tests.support.dripping_server import JSON_200, dripping_server

#: Nothing takes longer than the timeout, save for what a busy machine adds.
SLACK = 1.0
HOST = "google.test"
DEAD = [f"127.0.0.{number}" for number in range(2, 10)]


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds + SLACK


def send(
    transport: Transport, endpoint: str, *, timeout: float, answer_time: float = 0
) -> Accepted:
    return Gmail(GmailRequests(endpoint), transport).send(
        b"Subject: Disk is full\r\n\r\n94 %",
        access_token="token",
        thread_id=None,
        deadline=Deadline(timeout),
        post_by=Deadline(timeout - answer_time),
    )


def refresh(transport: Transport, token_uri: str, *, timeout: float) -> Grant:
    client = OAuthClient(client_id="id", client_secret="secret")
    return TokenRefresh(token_uri, transport).refresh(
        client, Grant(refresh_token="refresh"), deadline=Deadline(timeout)
    )


def failure(call: Callable[[], object]) -> GoogleFailure:
    with pytest.raises(GoogleFailure) as caught:
        call()
    return caught.value


def test_a_resolver_that_hangs(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that never answers does not hold a job up for good; nothing was sent."""
    with hanging_resolver(monkeypatch, HOST), within(0.5):
        failed = failure(lambda: send(transport, f"http://{HOST}/", timeout=0.5))
    assert failed.kind is FailureKind.TEMPORARY


def test_many_dead_addresses(
    transport: Transport, google: GoogleSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight addresses that nobody answers on share one timeout."""
    port = urlsplit(google.url).port or 0
    resolves_to(monkeypatch, HOST, *DEAD)
    with dead_addresses(port, *DEAD), within(0.8):
        failed = failure(lambda: send(transport, f"http://{HOST}:{port}/", timeout=0.8))
    assert failed.kind is FailureKind.TEMPORARY
    assert google.requests.sends() == 0


@pytest.mark.parametrize("dead", [["127.0.0.2", "127.0.0.3"], ["::1", "127.0.0.2"]])
def test_dead_addresses_before_a_good_one(
    transport: Transport, google: GoogleSandbox, monkeypatch: pytest.MonkeyPatch, dead: list[str]
) -> None:
    """Access is renewed through the first address that answers, not the first in the list."""
    port = urlsplit(google.url).port or 0
    resolves_to(monkeypatch, HOST, *dead, "127.0.0.1")
    token_uri = google.token_uri.replace("127.0.0.1", HOST)
    with dead_addresses(port, *(address for address in dead if ":" not in address)):
        failed = failure(lambda: refresh(transport, token_uri, timeout=2))
    # It reached the token endpoint, which knows no such client.
    assert failed.reason == "invalid_client"


def test_a_message_is_not_posted_with_less_than_the_answer_time_left(
    transport: Transport, google: GoogleSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting took its time, so the message stays unsent rather than end as unknown."""
    port = urlsplit(google.url).port or 0
    resolves_to(monkeypatch, HOST, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    with dead_addresses(port, "127.0.0.2", "127.0.0.3"), within(1):
        failed = failure(
            lambda: send(transport, f"http://{HOST}:{port}/", timeout=1, answer_time=0.8)
        )
    assert failed.kind is FailureKind.TEMPORARY
    assert google.requests.sends() == 0


def test_a_trickle_of_headers(transport: Transport) -> None:
    """A byte at a time is no way round the deadline; whether it was sent stays open."""
    with dripping_server(b"", JSON_200 + b"{}") as url, within(0.6):
        failed = failure(lambda: send(transport, url, timeout=0.6))
    assert (failed.kind, failed.reason) == (FailureKind.UNKNOWN, "no_answer")


def test_a_trickle_of_a_body_after_gmails_200(transport: Transport) -> None:
    """Gmail has said yes, so the message is sent, and the job goes on in time."""
    with dripping_server(JSON_200, b'{"id": "18f3a"}') as url, within(0.6):
        accepted = send(transport, url, timeout=0.6)
    assert accepted == Accepted(gmail_id=None, thread_id=None)


def test_a_token_endpoint_that_trickles(transport: Transport) -> None:
    """Others who wait for the same sender's access are not held up for longer than agreed."""
    with dripping_server(JSON_200, b'{"access_token": "a}') as url, within(0.6):
        failed = failure(lambda: refresh(transport, url, timeout=0.6))
    assert failed.kind is FailureKind.TEMPORARY
