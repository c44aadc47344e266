"""Between a mail that did not reach Gmail and one that may have, the wire itself decides."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mailcore import (
    ConfigurationError,
    DeliveryStatus,
    Mailcore,
    OutcomeUnknown,
    Sender,
    SenderStatus,
    TemporaryFailure,
)
from mailcore.sandbox import Fault, GoogleSandbox, faults
from tests.support.breaking_connection import BreakingLine, deaf_server, mute_server
from tests.support.certificates import server_context
from tests.support.connect_proxy import connect_proxy, go_through
from tests.support.relay import tls_front
from tests.support.steps import send, the_delivery

BIG: dict[str, Any] = {"attachments": [("disk.img", b"\xff" * 6_000_000)]}
MIDWAY = 1_000_000

Elsewhere = Callable[[str], Mailcore]


@pytest.fixture
def elsewhere(core: Mailcore) -> Iterator[Elsewhere]:
    """The same deployment, with Gmail's API at another address."""
    with ExitStack() as opened:

        def at(url: str) -> Mailcore:
            other = Mailcore(core.settings.model_copy(update={"gmail_api_endpoint": url}))
            opened.callback(other.close)
            return other

        yield at


def _port(google: GoogleSandbox) -> int:
    port = urlsplit(google.url).port
    assert port is not None
    return port


def _did_not_arrive(core: Mailcore, *, timeout: float = 3, **changes: Any) -> None:
    """Send, and check that it was tried again until the deadline, and called safe to repeat."""
    with pytest.raises(TemporaryFailure) as caught:
        send(core, timeout=timeout, **changes)
    assert type(caught.value) is TemporaryFailure
    delivery = the_delivery(core)
    assert caught.value.delivery_id == delivery.id
    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.attempts > 1
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY


def test_google_refuses_connections(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """With nobody listening, a job is told that sending later is safe."""
    send(core)
    google.stop()
    with pytest.raises(TemporaryFailure, match="safe to try again later"):
        send(core, timeout=1)
    google.start()
    send(core)
    assert [mail.subject for mail in google.outbox] == ["Disk is full"] * 2


def test_google_comes_back_in_time(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """An outage shorter than the deadline costs a moment and nothing else."""
    google.stop()
    back = threading.Timer(0.4, google.start)
    back.start()
    send(core)
    back.join()
    assert len(google.outbox) == 1
    assert the_delivery(core).attempts > 1


def test_a_name_that_does_not_resolve(alerts: Sender, elsewhere: Elsewhere) -> None:
    """Without DNS nothing is sent, and nobody is blamed."""
    _did_not_arrive(elsewhere("https://nosuch.invalid/"), timeout=3)


def test_a_host_that_does_not_pick_up(alerts: Sender, elsewhere: Elsewhere) -> None:
    """A connection that is not made in time carried no mail; the deadline holds."""
    with deaf_server() as url:
        core = elsewhere(url)
        begun = time.monotonic()
        with pytest.raises(TemporaryFailure):
            send(core, timeout=1)
        assert time.monotonic() - begun < 4
    assert the_delivery(core).status is DeliveryStatus.FAILED


def test_an_upload_that_breaks_off_is_sent_again(
    google: GoogleSandbox, alerts: Sender, elsewhere: Elsewhere
) -> None:
    """A large mail whose upload broke midway cannot have arrived, so it is simply repeated."""
    with BreakingLine(_port(google), after=MIDWAY, times=1) as line:
        core = elsewhere(line.url)
        send(core, timeout=20, **BIG)
        core.close()
    assert line.connections == 2
    assert len(google.outbox) == 1
    assert the_delivery(core).attempts == 2


def test_an_upload_that_always_breaks_off(
    google: GoogleSandbox, alerts: Sender, elsewhere: Elsewhere
) -> None:
    """It is no mystery whether such a mail was sent: it was not."""
    with BreakingLine(_port(google), after=MIDWAY, times=99) as line:
        _did_not_arrive(elsewhere(line.url), timeout=4, **BIG)
    assert google.outbox == []


def test_a_stuck_upload_is_given_up_at_the_deadline(alerts: Sender, elsewhere: Elsewhere) -> None:
    """A line that takes half a mail and then nothing more does not hold a job up for good."""
    with mute_server(reads_after=None) as url:
        core = elsewhere(url)
        begun = time.monotonic()
        with pytest.raises(TemporaryFailure):
            send(core, timeout=2, **BIG)
        assert time.monotonic() - begun < 10
        core.close()


def test_a_slow_upload_and_a_slow_answer_share_one_deadline(
    alerts: Sender, elsewhere: Elsewhere
) -> None:
    """However the time is spent, a send ends when it was told to."""
    with mute_server(reads_after=3) as url:
        core = elsewhere(url)
        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            send(core, timeout=5, **BIG)
        assert time.monotonic() - begun < 7.5  # one after the other would be 8
        core.close()


def test_a_lost_answer_to_a_whole_upload(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Once its last byte is out, a large mail may have arrived, as any other."""
    google.fail("send", faults.RESET_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core, timeout=20, **BIG)
    assert google.requests.sends() == len(google.outbox) == 1


@pytest.mark.usefixtures("alerts")
class TestEncrypted:
    """The same over TLS, as it is with Google."""

    @pytest.fixture
    def tls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
        """A server's settings, with a certificate that this process trusts."""
        context, certificate = server_context(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        return context

    def test_a_certificate_nobody_vouches_for(
        self, google: GoogleSandbox, elsewhere: Elsewhere, tmp_path: Path
    ) -> None:
        """A mail is not handed to whoever answers under Google's name."""
        tls, _ = server_context(tmp_path)
        with BreakingLine(_port(google), after=0, times=0, tls=tls) as line:
            _did_not_arrive(elsewhere(line.url))
        assert google.requests.sends() == 0

    def test_an_upload_that_breaks_off_is_sent_again(
        self, google: GoogleSandbox, elsewhere: Elsewhere, tls: ssl.SSLContext
    ) -> None:
        """Half a mail over TLS is no mail either."""
        with BreakingLine(_port(google), after=MIDWAY, times=1, tls=tls) as line:
            core = elsewhere(line.url)
            send(core, timeout=20, **BIG)
            core.close()
        assert len(google.outbox) == 1
        assert the_delivery(core).attempts == 2

    def test_a_lost_answer(
        self, google: GoogleSandbox, elsewhere: Elsewhere, tls: ssl.SSLContext
    ) -> None:
        """What went out whole and was not answered stays open."""
        google.fail("send", faults.CLOSE_AFTER)
        with BreakingLine(_port(google), after=0, times=0, tls=tls) as line:
            core = elsewhere(line.url)
            with pytest.raises(OutcomeUnknown):
                send(core)
            core.close()
        assert google.requests.sends() == 1

    def test_a_proxy_in_between(
        self,
        google: GoogleSandbox,
        elsewhere: Elsewhere,
        tls: ssl.SSLContext,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where HTTPS_PROXY is the only way out, mail takes it; one that refuses took nothing."""
        with (
            connect_proxy() as proxy,
            BreakingLine(_port(google), after=0, times=0, tls=tls) as line,
        ):
            go_through(monkeypatch, proxy.url.replace("//", "//ann:s%40cret@"))
            core = elsewhere(line.url)
            send(core)
            [head] = proxy.heads
            assert head.startswith(f"CONNECT {urlsplit(line.url).netloc} ")
            assert "proxy-authorization: Basic YW5uOnNAY3JldA==" in head
            core.close()
            proxy.refuse = True
            with pytest.raises(TemporaryFailure, match="407 Proxy Authentication Required"):
                send(core, timeout=2)
            monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
            with pytest.raises(TemporaryFailure):
                send(core, timeout=2)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            send(core)
            core.close()
        assert len(google.outbox) == 2

    def test_a_proxy_that_is_spoken_to_over_tls(
        self,
        google: GoogleSandbox,
        elsewhere: Elsewhere,
        tls: ssl.SSLContext,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An https proxy is passed as an http one is; the next mail takes the same connection."""
        with connect_proxy(tls) as proxy, tls_front(_port(google), tls) as front:
            go_through(monkeypatch, proxy.url)
            core = elsewhere(front)
            send(core)
            send(core)
            core.close()
        assert len(google.outbox) == 2
        assert len(proxy.heads) == 1

    @pytest.mark.parametrize("fault", [faults.CLOSE_AFTER, faults.RESET_AFTER])
    def test_a_lost_answer_behind_a_proxy(
        self,
        google: GoogleSandbox,
        elsewhere: Elsewhere,
        tls: ssl.SSLContext,
        monkeypatch: pytest.MonkeyPatch,
        fault: Fault,
    ) -> None:
        """The proxy was reached, so the mail may have been: it is not sent a second time."""
        google.fail("send", fault)
        with connect_proxy() as proxy, tls_front(_port(google), tls) as front:
            go_through(monkeypatch, proxy.url)
            core = elsewhere(front)
            with pytest.raises(OutcomeUnknown):
                send(core)
            core.close()
        assert google.requests.sends() == len(google.outbox) == 1
        assert the_delivery(core).status is DeliveryStatus.UNKNOWN


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://ann:s€cret@127.0.0.1:1"])
def test_a_proxy_that_is_none(
    alerts: Sender, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The setting is named, without its password; no mail is called unknown that never left."""
    go_through(monkeypatch, proxy)
    core = elsewhere("https://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as raised:
        send(core)
    assert "s€cret" not in str(raised.value)
    assert the_delivery(core).status is DeliveryStatus.FAILED


@pytest.mark.parametrize(
    "fault",
    [
        Fault("moved", status=302, headers={"Location": "https://example.com/"}),
        Fault("blocked", status=403, body=b"<h1>Blocked by policy</h1>", content_type="text/html"),
        Fault("portal", status=401, body=b"<h1>Please log in</h1>", content_type="text/html"),
        Fault("no page", status=404, body=b"<h1>Not found</h1>", content_type="text/html"),
        Fault("gateway", status=401, body=b'{"message": "Unauthorized"}'),
        Fault("busy", status=429, body=b"slow down", content_type="text/plain"),
        Fault("misdirected", status=421, body=b"", content_type="text/html"),
    ],
    ids=lambda fault: fault.name,
)
def test_something_else_answers(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, fault: Fault
) -> None:
    """What a proxy, a gateway or a portal says blames neither the sender nor the message."""
    google.fail("send", fault, times=None)
    with pytest.raises(TemporaryFailure, match="something between here and Gmail responded"):
        send(core, timeout=2)
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert the_delivery(core).status is DeliveryStatus.FAILED
