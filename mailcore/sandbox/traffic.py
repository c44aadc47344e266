"""Counting requests, holding them up, and making them fail as arranged."""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox.faults import Ending, Fault

#: What can be held or made to fail. ``token`` is the token endpoint: code exchanges and
#: refreshes alike.
Operation = Literal["send", "token", "revoke"]

#: What is counted.
Kind = Literal["send", "exchange", "refresh", "revoke"]

OPERATIONS: tuple[Operation, ...] = ("send", "token", "revoke")

_OPERATION_OF: dict[Kind, Operation] = {
    "send": "send",
    "exchange": "token",
    "refresh": "token",
    "revoke": "revoke",
}

#: The name under which the server puts a connection's transport into the ASGI scope.
TRANSPORT = "mailcore.sandbox.transport"


class RequestCounts:
    """How many requests came, by kind and account; counted on arrival, answered or not.

    Each method takes an account's address, or None for all of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Kind, str | None]] = Counter()

    def add(self, kind: Kind, account: str | None) -> None:
        """Count one request; the account is None where its token or code is unknown."""
        with self._lock:
            self._counts[kind, account] += 1

    def count(self, kind: Kind, account: str | None = None) -> int:
        """Return how many requests of a kind came."""
        with self._lock:
            return sum(
                number
                for (each, email), number in self._counts.items()
                if each == kind and account in (None, email)
            )

    def sends(self, account: str | None = None) -> int:
        """Return how many messages were posted, those not answered included."""
        return self.count("send", account)

    def refreshes(self, account: str | None = None) -> int:
        """Return how many times a refresh token was presented."""
        return self.count("refresh", account)

    def exchanges(self, account: str | None = None) -> int:
        """Return how many times an authorization code was presented."""
        return self.count("exchange", account)

    def revocations(self, account: str | None = None) -> int:
        """Return how many times a token was handed back."""
        return self.count("revoke", account)

    def reset(self) -> None:
        """Start again from nought."""
        with self._lock:
            self._counts.clear()


class Hold:
    """A gate: requests of one operation wait at it until it is released.

    Attributes:
        operation: whose requests wait.
        account: only those for this account, or None for all.
        taken: whether they wait after they took effect, just before the answer, instead
            of on arrival.
    """

    def __init__(self, operation: Operation, account: str | None, taken: bool) -> None:
        self.operation = operation
        self.account = account
        self.taken = taken
        self._changed = threading.Condition()
        self._arrivals = 0
        self._released = False
        self._waiting: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def wait_for_arrivals(self, count: int = 1, timeout: float = 10) -> None:
        """Block until that many requests have come to the gate since it was set up.

        Raises:
            TimeoutError: fewer came within `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrivals >= count, timeout):
                raise TimeoutError(f"{self._arrivals} of {count} requests arrived")

    def release(self) -> None:
        """Open the gate for good."""
        with self._changed:
            self._released = True
            for future, loop in self._waiting.items():
                loop.call_soon_threadsafe(_open, future)

    def concerns(self, operation: Operation, account: str | None, taken: bool) -> bool:
        """Say whether such a request has to wait here."""
        return (
            self.operation == operation
            and self.taken == taken
            and self.account in (None, account)
            and not self._released
        )

    @contextmanager
    def arrival(self) -> Iterator[asyncio.Future[None]]:
        """Stand in line; yields a future that is done once the gate is open."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._arrivals += 1
            self._changed.notify_all()
            if self._released:
                _open(future)
            else:
                self._waiting[future] = loop
        try:
            yield future
        finally:
            with self._changed:
                self._waiting.pop(future, None)


def _open(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Interrupted(Exception):
    """The line broke, by the client or because the server stops: nothing comes of it."""


@dataclass
class _Arranged:
    operation: Operation
    fault: Fault
    times: int | None
    account: str | None


class Traffic:
    """Every request that counts goes through `serve`.

    Attributes:
        requests: the counters.
    """

    def __init__(self) -> None:
        self.requests = RequestCounts()
        self._lock = threading.Lock()
        self._arranged: list[_Arranged] = []
        self._holds: list[Hold] = []

    def fail(
        self, operation: Operation, fault: Fault, times: int | None, account: str | None
    ) -> None:
        """Queue a fault for coming requests."""
        with self._lock:
            self._arranged.append(_Arranged(operation, fault, times, account))

    def heal(self) -> None:
        """Forget the faults still queued."""
        with self._lock:
            self._arranged.clear()

    def arranged(self) -> list[tuple[Operation, Fault, int | None, str | None]]:
        """Return the faults still queued: operation, fault, times left, account."""
        with self._lock:
            return [
                (each.operation, each.fault, each.times, each.account) for each in self._arranged
            ]

    def hold(self, operation: Operation, account: str | None, taken: bool) -> Hold:
        """Set up a gate."""
        hold = Hold(operation, account, taken)
        with self._lock:
            self._holds = [each for each in self._holds if not each._released]  # noqa: SLF001 - the same module
            self._holds.append(hold)
        return hold

    async def serve(
        self,
        request: Request,
        kind: Kind,
        account: str | None,
        work: Callable[[], Awaitable[Response]],
    ) -> Response:
        """Do a request's work, unless something else was arranged for it.

        Args:
            request: the request, its body already read.
            kind: what to count it as.
            account: the address of the account it is for, if known.
            work: takes the request and returns the ordinary answer.
        """
        operation = _OPERATION_OF[kind]
        self.requests.add(kind, account)
        try:
            await self._wait_at_gates(request, operation, account, taken=False)
            fault = self._next_fault(operation, account)
            answer = await (work() if fault is None else self._go_wrong(request, fault, work))
            await self._wait_at_gates(request, operation, account, taken=True)
        except _Interrupted:
            return await _hang_up(request)
        return answer

    def _next_fault(self, operation: Operation, account: str | None) -> Fault | None:
        if not self._arranged:
            return None
        with self._lock:
            for each in self._arranged:
                if each.operation == operation and each.account in (None, account):
                    if each.times is not None:
                        each.times -= 1
                    if each.times == 0:
                        self._arranged.remove(each)
                    return each.fault
        return None

    async def _wait_at_gates(
        self, request: Request, operation: Operation, account: str | None, taken: bool
    ) -> None:
        for hold in list(self._holds):
            if hold.concerns(operation, account, taken):
                with hold.arrival() as released:
                    await _unless_interrupted(request, released)

    async def _go_wrong(
        self, request: Request, fault: Fault, work: Callable[[], Awaitable[Response]]
    ) -> Response:
        answer = Response()
        if fault.taken:
            answer = await work()
        if fault.delay:
            await _unless_interrupted(request, asyncio.sleep(fault.delay))
        if fault.ending is Ending.NORMAL and not fault.taken:
            answer = await work()
        match fault.ending:
            case Ending.ANSWER:
                return Response(fault.body, fault.status, fault.headers, fault.content_type)
            case Ending.CLOSE:
                return await _hang_up(request)
            case Ending.RESET:
                return await _reset(request)
            case Ending.CUT:
                return await _cut_short(request, answer)
            case Ending.NORMAL:
                return answer


async def _unless_interrupted(request: Request, wait: Awaitable[None]) -> None:
    """Wait, but no longer than the connection lasts.

    Raises:
        _Interrupted: the connection is gone.
    """
    wanted = asyncio.ensure_future(wait)
    gone = asyncio.ensure_future(_client_gone(request))
    done, pending = await asyncio.wait([wanted, gone], return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if wanted not in done:
        raise _Interrupted


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _transport(request: Request) -> asyncio.Transport:
    transport = request.scope["extensions"][TRANSPORT]
    assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
    return transport


async def _hang_up(request: Request) -> Response:
    """Close the connection in good order (FIN), without an answer."""
    _transport(request).close()
    return await _unanswered(request)


async def _reset(request: Request) -> Response:
    """Close the connection with a TCP RST, as a crashed host or a firewall does."""
    transport = _transport(request)
    linger_not_at_all = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all
    )
    transport.abort()
    return await _unanswered(request)


async def _cut_short(request: Request, answer: Response) -> Response:
    """Send half of the answer, then close the connection."""
    body = bytes(answer.body)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    transport = _transport(request)
    transport.write(head.encode() + body[: len(body) // 2])
    transport.close()
    return await _unanswered(request)


async def _unanswered(request: Request) -> Response:
    """Return an answer for the server to drop, once it knows that the line is dead."""
    await _client_gone(request)
    return Response()
