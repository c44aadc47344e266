"""Which of the connections that are kept open is trusted with the next message."""

from contextlib import closing
from urllib.parse import urlsplit

import pytest

from mailcore.clock import Deadline
from mailcore.google.failures import GoogleFailure
from mailcore.google.transport import Transport
from mailcore.sandbox import GoogleSandbox
from tests.support.breaking_connection import BreakingLine


@pytest.mark.parametrize(("max_idle", "connections"), [(60.0, 1), (0.0, 2)])
def test_an_idle_connection_is_used_only_while_it_is_young(
    google: GoogleSandbox, max_idle: float, connections: int
) -> None:
    """A firewall may have dropped an older one, and a message put on it would be lost."""
    port = urlsplit(google.url).port or 0
    with (
        BreakingLine(port, after=0, times=0) as line,
        closing(Transport(max_idle=max_idle)) as transport,
    ):
        for _ in range(2):
            transport.post(f"{line.url}token", b"", {}, deadline=Deadline(5))
    assert line.connections == connections


def test_a_connection_whose_answer_was_lost_is_not_used_again(google: GoogleSandbox) -> None:
    """What comes late on it would be taken for the answer to the next request."""
    port = urlsplit(google.url).port or 0
    with (
        BreakingLine(port, after=0, times=0) as line,
        closing(Transport()) as transport,
    ):
        with google.hold("token"), pytest.raises(GoogleFailure):
            transport.post(f"{line.url}token", b"", {}, deadline=Deadline(0.3))
        transport.post(f"{line.url}token", b"", {}, deadline=Deadline(5))
    assert line.connections == 2
