"""A bound on connections that wait for somebody: uvicorn itself has none.

A connection costs a file descriptor, of which a process may have about a thousand. So each
request has a time limit. When too many connections have no complete request, the oldest of
them are closed to make room for new ones. Someone who opens a thousand and sends half a request
on each only pushes out their own.
"""

import asyncio
import sys
from typing import Any, ClassVar

import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for a whole request, its body included. The largest are uploads of 1 MB.
REQUEST_TIMEOUT = 20.0
#: How many connections may be without a complete request.
MAX_WAITING = 200
#: How many connections there may be, open tabs included.
MAX_CONNECTIONS = 800
#: File descriptors to ask for: asyncio accepts all that wait, up to 2,048, before it lets us
#: close any; and once it has run out, it is busy logging that.
_FILES = 4096


class BoundedProtocol(H11Protocol):
    """A connection that is closed if its request doesn't come in time, or to make room."""

    #: The connections without a complete request, longest first.
    _waiting: ClassVar[dict["BoundedProtocol", asyncio.TimerHandle]] = {}

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on, and see whether the request is complete."""
        super().data_received(data)
        self._note_progress()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._note_progress()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _note_progress(self) -> None:
        if self._is_complete():
            self._stop_waiting()
        elif self not in self._waiting:
            self._wait()

    def _is_complete(self) -> bool:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return True  # gone, or a websocket
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _wait(self) -> None:
        self._waiting[self] = self.loop.call_later(REQUEST_TIMEOUT, self.transport.abort)
        if len(self._waiting) > MAX_WAITING or len(self.connections) > MAX_CONNECTIONS:
            longest = next(iter(self._waiting))
            longest._stop_waiting()  # noqa: SLF001 - one of these, too
            longest.transport.abort()

    def _stop_waiting(self) -> None:
        timer = self._waiting.pop(self, None)
        if timer is not None:
            timer.cancel()


def install() -> None:
    """Make uvicorn use it; Streamlit starts uvicorn without a choice of protocols."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"
    _allow_more_files()


def _allow_more_files() -> None:
    """Raise this process's own limit of file descriptors, as far as the system lets it."""
    if sys.platform == "win32":
        return  # it has no such limit
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
