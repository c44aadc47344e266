"""Counts requests, holds them up, and makes them fail when told to."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox.connection import CutOff, cut_short, hang_up, reset, unless_cut_off
from mailcore.sandbox.counts import OPERATION_OF, Kind, Operation, RequestCounts
from mailcore.sandbox.faults import Ending, Fault
from mailcore.sandbox.gates import Gate


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
        self._gates: list[Gate] = []

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

    def hold(self, operation: Operation, account: str | None, taken: bool) -> Gate:
        """Set up a gate."""
        gate = Gate(operation, account, taken)
        with self._lock:
            self._gates = [each for each in self._gates if not each.released]
            self._gates.append(gate)
        return gate

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
        operation = OPERATION_OF[kind]
        self.requests.add(kind, account)
        try:
            await self._wait_at_gates(request, operation, account, taken=False)
            fault = self._next_fault(operation, account)
            answer = await (work() if fault is None else self._go_wrong(request, fault, work))
            await self._wait_at_gates(request, operation, account, taken=True)
        except CutOff:
            return await hang_up(request)
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
        for gate in list(self._gates):
            if gate.concerns(operation, account, taken):
                with gate.arrival() as released:
                    await unless_cut_off(request, released)

    async def _go_wrong(
        self, request: Request, fault: Fault, work: Callable[[], Awaitable[Response]]
    ) -> Response:
        answer = Response()
        if fault.taken:
            answer = await work()
            if answer.status_code >= 400 and fault.ending in {Ending.ANSWER, Ending.CUT}:  # noqa: PLR2004
                return answer  # it was refused, so it must not look like a success
        if fault.delay:
            await unless_cut_off(request, asyncio.sleep(fault.delay))
        if fault.ending is Ending.NORMAL and not fault.taken:
            answer = await work()
        match fault.ending:
            case Ending.ANSWER:
                return Response(fault.body, fault.status, fault.headers, fault.content_type)
            case Ending.CLOSE:
                return await hang_up(request)
            case Ending.RESET:
                return await reset(request)
            case Ending.CUT:
                return await cut_short(request, answer)
            case Ending.NORMAL:
                return answer
