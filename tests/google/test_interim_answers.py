"""A gateway may announce its answer before it gives it (RFC 9110 section 15.2)."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from mailcore.clock import Deadline
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted, Gmail
from mailcore.google.gmail_requests import GmailRequests
from mailcore.google.transport import Transport
from tests.support.relay import serving

TAKEN = b'{"id": "18f3", "threadId": "18f3"}'
REJECTED = b'{"error": {"code": 400, "message": "Invalid To header"}}'


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


@contextmanager
def _gateway(interim: bytes) -> Iterator[str]:
    """Announce each answer, and give it once the client has had time to mistake the one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (_answer(b"200 OK", TAKEN), _answer(b"400 Bad Request", REJECTED)):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(b"HTTP/1.1 %s\r\nLink: </style.css>\r\n\r\n" % interim)
            await writer.drain()
            await asyncio.sleep(0.3)
            writer.write(answer)
            await writer.drain()

    with serving(serve) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_an_announcement_is_not_taken_for_the_answer(interim: bytes) -> None:
    """Each message gets its own answer: the second is not called sent for the first one's."""
    with _gateway(interim) as url, closing(Transport()) as transport:
        gmail = Gmail(GmailRequests(url), transport)

        def send() -> Accepted:
            return gmail.send(
                b"Subject: s\r\n\r\nt", access_token="a", thread_id=None, deadline=Deadline(5)
            )

        assert send() == Accepted("18f3", "18f3")
        with pytest.raises(GoogleFailure) as caught:
            send()
        assert caught.value.kind is FailureKind.MESSAGE
