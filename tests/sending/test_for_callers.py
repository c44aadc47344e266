"""What a job's author relies on: threads, forks, asyncio, dry runs, and logs fit to keep."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mailcore
from mailcore import (
    ComposedMessage,
    DeliveryStatus,
    InvalidMessage,
    Mailcore,
    MessageRejected,
    OutcomeUnknown,
    Sender,
    Settings,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.steps import ORDINARY, deliveries, history, send

_ROOT = Path(__file__).parents[2]


def test_sixteen_threads_share_one_deployment(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Every mail is there once, each caller got its own answer, and the log agrees to the row."""
    with ThreadPoolExecutor(16) as pool:
        sends = [pool.submit(send, core, subject=f"n{number}", timeout=30) for number in range(96)]
        answers = {each.result().gmail_id: number for number, each in enumerate(sends)}
    mails = {mail.gmail_id: mail.subject for mail in google.outbox}
    assert mails == {gmail_id: f"n{number}" for gmail_id, number in answers.items()}
    assert {row.gmail_id: row.subject for row in deliveries(core)} == mails
    assert len(google.outbox) == len(deliveries(core)) == 96


def test_several_senders_at_once(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """One sender whose access is being renewed does not keep the others waiting."""
    core.senders.register("billing", gmail_account="billing@example.com", by="ann")
    authorise(core, google, "billing")
    google.expire_access_tokens(ACCOUNT)
    with google.hold("token", ACCOUNT) as gate, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, core, timeout=20)
        gate.wait_for_arrivals(1)
        send(core, "billing")
        assert not waiting.done()
        gate.release()
        waiting.result()
    assert [mail.account for mail in google.outbox] == ["billing@example.com", ACCOUNT]


FORKING_JOB = """
import asyncio, os, sys
from mailcore import asend_email, send_email

def sockets():
    found = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return {os.readlink(path) for path in found if os.path.islink(path)
            and os.readlink(path).startswith("socket:")}

def send(subject):
    send_email("alerts", to="ops@example.com", subject=subject, text="…", timeout=20)

def send_by_loop(subject):
    asyncio.run(asend_email("alerts", to="ops@example.com", subject=subject, text="…", timeout=20))

send_by_loop("before")
shared = sockets()
children = []
for number in range(3):
    child = os.fork()
    if child == 0:
        for by in (send_by_loop, send, send, send, send):
            by(f"child {number}")
        # Its own line to Postgres, and its own to Google.
        os._exit(0 if len(sockets() - shared) >= 2 else 3)
    children.append(child)
for _ in range(5):
    send("parent")
assert sockets() == shared, "the parent lost a connection to its children"
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_workers_share_no_connection(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, environment: Mapping[str, str]
) -> None:
    """A job that sends, forks, and goes on sending on all sides gets every mail out once."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING_JOB],
        cwd=_ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    subjects = sorted(mail.subject for mail in google.outbox)
    assert (
        subjects
        == ["before"] + sorted(f"child {number}" for number in [0, 1, 2] * 5) + ["parent"] * 5
    )
    assert len(deliveries(core)) == 21


async def _beats_while(sending: asyncio.Task[mailcore.Sent]) -> int:
    beats = 0
    while not sending.done():
        await asyncio.sleep(0)
        beats += 1
    return beats


def test_asyncio_is_not_blocked(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """While mails wait for Gmail, a job's loop goes on with its other work."""

    async def job() -> None:
        with google.hold("send") as gate:
            sends = [asyncio.create_task(core.asend_email("alerts", **ORDINARY)) for _ in range(3)]
            await asyncio.to_thread(gate.wait_for_arrivals, 3)
            gate.release()
            assert await _beats_while(sends[0]) > 0
            assert len({sent.gmail_id for sent in await asyncio.gather(*sends)}) == 3

    asyncio.run(job())
    assert len(google.outbox) == 3


def test_asyncio_sends_many_at_once(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """A mail does not wait for others, as it would in the few threads of the loop's own."""

    async def job() -> None:
        with google.hold("send") as gate:
            sends = [asyncio.create_task(core.asend_email("alerts", **ORDINARY)) for _ in range(32)]
            await asyncio.to_thread(gate.wait_for_arrivals, 32)
            gate.release()
            await asyncio.gather(*sends)

    asyncio.run(job())
    assert len(google.outbox) == 32


def test_asyncio_hears_of_errors(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """The errors are the same as without asyncio."""
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(MessageRejected):
        asyncio.run(core.asend_email("alerts", **ORDINARY))


def test_a_cancelled_wait_loses_no_record(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A job that stops waiting for a mail still finds in the log what came of it."""

    async def job() -> None:
        with google.hold("send") as gate:
            sending = asyncio.create_task(core.asend_email("alerts", **ORDINARY))
            await asyncio.to_thread(gate.wait_for_arrivals, 1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            gate.release()

    asyncio.run(job())
    core.close()  # waits for the thread
    [delivery] = deliveries(core)
    assert delivery.status is DeliveryStatus.SENT


def test_a_cancelled_wait_for_a_place_loses_no_mail(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Also one that was still queued behind others goes out."""

    async def job() -> None:
        with google.hold("send") as gate:
            sends = [asyncio.create_task(core.asend_email("alerts", **ORDINARY)) for _ in range(33)]
            await asyncio.to_thread(gate.wait_for_arrivals, 32)
            for each in sends:
                each.cancel()
            await asyncio.gather(*sends, return_exceptions=True)
            gate.release()

    asyncio.run(job())
    core.close()
    assert len(google.outbox) == 33


def test_two_deployments_in_one_process(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, empty_database_url: str
) -> None:
    """Each instance goes by its own settings."""
    with GoogleSandbox() as other_google:
        other = Mailcore(
            Settings(
                database_url=empty_database_url,
                google_client_id=other_google.client_id,
                google_client_secret=other_google.client_secret,
                google_auth_uri=other_google.auth_uri,
                google_token_uri=other_google.token_uri,
                gmail_api_endpoint=other_google.url,
            )
        )
        other.migrate()
        other.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
        authorise(other, other_google, "alerts")
        send(other, subject="there")
        send(core, subject="here")
        assert [mail.subject for mail in other_google.outbox] == ["there"]
        other.close()
    assert [mail.subject for mail in google.outbox] == ["here"]


def test_closing_is_not_the_end(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """After a close, the next mail simply connects anew."""
    send(core)
    core.close()
    send(core)
    assert len(google.outbox) == 2


def test_the_module_sends_too(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """``mailcore.send_email`` is the deployment that the environment describes."""
    mailcore.default.cache_clear()
    try:
        sent = mailcore.send_email("alerts", **ORDINARY)
        again = asyncio.run(mailcore.asend_email("alerts", **ORDINARY))
        assert mailcore.access_token("alerts")
        assert isinstance(mailcore.send_email("alerts", dry_run=True, **ORDINARY), ComposedMessage)
        mailcore.default().close()
    finally:
        mailcore.default.cache_clear()
    assert [mail.gmail_id for mail in google.outbox] == [sent.gmail_id, again.gmail_id]


def test_a_dry_run_shows_the_message_and_does_nothing(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """The message that would go out comes back; Google, the log and the sender hear nothing."""
    before = core.senders.get("alerts")
    google.expire_access_tokens()
    caplog.set_level(logging.DEBUG, "mailcore")
    message = core.send_email("alerts", dry_run=True, idempotency_key="once", **ORDINARY)
    assert message.recipients == ("ops@example.com",)
    assert b"Subject: Disk is full\r\n" in message.raw
    assert message.message_id.encode() in message.raw
    assert google.outbox == []
    assert (google.requests.sends(), google.requests.refreshes()) == (0, 0)
    assert deliveries(core) == ()
    assert core.senders.get("alerts") == before
    assert history(core) == ["registered", "reauthorized"]
    assert not [record for record in caplog.records if record.name.startswith("mailcore")]
    with pytest.raises(InvalidMessage):
        core.send_email("alerts", dry_run=True, **{**ORDINARY, "to": "nobody"})
    send(core, idempotency_key="once")
    assert len(google.outbox) == 1


def test_the_log_tells_of_each_mail_and_of_no_secret(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """One record a mail, with fields to search by; tokens and contents are not among them."""
    caplog.set_level(logging.DEBUG)
    google.expire_access_tokens()
    sent = send(core, text="the password is swordfish")
    for fault in (faults.INVALID_ARGUMENT, faults.CLOSE_BEFORE, faults.INSUFFICIENT_PERMISSIONS):
        google.fail("send", fault)
        with pytest.raises(Exception, match="alerts"):
            send(core, text="the password is swordfish")
    records = [vars(record) for record in caplog.records if record.name == "mailcore"]
    assert [record["outcome"] for record in records] == [
        "sent",
        "message_rejected",
        "outcome_unknown",
        "reauth_required",
    ]
    assert [record["levelname"] for record in records] == ["INFO"] + ["WARNING"] * 3
    assert records[0]["delivery_id"] == sent.delivery_id
    assert records[0]["attempts"] == 2
    assert {record["sender"] for record in records} == {"alerts"}
    assert all(0 < record["duration_ms"] < 60_000 for record in records)
    everything = "\n".join(str(vars(record)) for record in caplog.records)
    assert not [secret for secret in google.secrets if secret in everything]
    assert "swordfish" not in everything


def test_no_error_shows_a_secret(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """What a job logs of an error, its causes included, is fit to be read by anyone."""
    google.expire_access_tokens()
    google.fail("token", faults.INVALID_CLIENT)
    shown = ""
    for fault in (None, faults.UNAUTHORIZED, faults.CLOSE_AFTER):
        if fault is not None:
            google.fail("send", fault, times=2)
        with pytest.raises(mailcore.PalEMailError) as caught:
            send(core)
        google.heal()
        error: BaseException | None = caught.value
        while error is not None:
            shown += f"{error!s} {error!r} {vars(error)}"
            error = error.__cause__
    assert not [secret for secret in google.secrets if secret in shown]
    assert OutcomeUnknown.__name__ in shown
