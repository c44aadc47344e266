"""Mails of every size that Gmail takes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailcore import Mailcore, OutcomeUnknown, Sender
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.steps import send

_ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000


@pytest.mark.parametrize("threaded", [False, True], ids=["alone", "in a thread"])
@pytest.mark.parametrize("megabytes", [2, 4])
def test_an_attachment_arrives_as_it_was(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, megabytes: int, threaded: bool
) -> None:
    """On both sides of the limit for uploads, in a thread or not, not an octet changes."""
    content = os.urandom(1000) * (megabytes * 1000)
    thread_id = send(core).thread_id if threaded else None
    sent = send(core, attachments=[("disk.img", content)], thread_id=thread_id, timeout=30)
    mail = google.outbox[-1]
    [attachment] = mail.email.iter_attachments()
    assert attachment.get_filename() == "disk.img"
    assert attachment.get_payload(decode=True) == content
    assert sent.message_id == mail.email["Message-ID"]
    assert sent.thread_id == mail.thread_id == (thread_id or sent.gmail_id)


def test_a_large_mail_can_be_sent_again(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A large mail of unknown outcome is kept whole until a person decides."""
    google.fail("send", faults.RESET_AFTER)
    with pytest.raises(OutcomeUnknown) as raised:
        send(core, attachments=[("disk.img", b"\x00" * 4 * MEGABYTE)], timeout=30)
    assert raised.value.delivery_id is not None
    core.deliveries.retry(raised.value.delivery_id, by="ann")
    first, second = google.outbox
    assert first.raw == second.raw


MEASURED_JOB = """
import json, re, sys
from pathlib import Path
from mailcore import send_email

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

send_email("alerts", to="ops@example.com", subject="warm", text="…")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
before = kilobytes("VmRSS")
send_email("alerts", to="ops@example.com", subject="big", text="…", timeout=60,
           attachments=[sys.argv[1]], **json.loads(sys.argv[2]))
print(1024 * (kilobytes("VmHWM") - before))
"""


@pytest.mark.usefixtures("alerts")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory differently")
@pytest.mark.parametrize("how", ["alone", "thread_id", "idempotency_key"])
def test_memory_for_a_twenty_megabyte_attachment(
    core: Mailcore,
    google: GoogleSandbox,
    environment: Mapping[str, str],
    tmp_path: Path,
    how: str,
) -> None:
    """A job needs less than five times the size of what it attaches."""
    report = tmp_path / "report.pdf"
    report.write_bytes(b"%PDF" + os.urandom(20 * MEGABYTE))
    thread_id = send(core).thread_id
    changes = {"alone": {}, "thread_id": {how: thread_id}, "idempotency_key": {how: "once"}}[how]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED_JOB, str(report), json.dumps(changes)],
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    assert int(done.stdout) < 5 * 20 * MEGABYTE
    big = google.outbox[-1]
    assert big.subject == "big"
    assert len(big.raw) > 27 * MEGABYTE
