"""The whole life of deliveries, against a model: any order of what can happen to them."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailcore import DeliveryNotSettleable, IfUnknown, Mailcore, MailError
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables
from tests.support.queueing import queue

#: What Gmail may answer, whether it has taken the message, and what becomes of it.
_TROUBLES = {
    "refused for now": (faults.SERVICE_UNAVAILABLE, False, "queued"),
    "too fast": (faults.RATE_LIMIT_EXCEEDED, False, "queued"),
    "not this message": (faults.INVALID_ARGUMENT, False, "failed"),
    "taken, and no answer": (faults.CLOSE_AFTER, True, "unknown"),
    "not taken, and no answer": (faults.CLOSE_BEFORE, False, "unknown"),
}


@dataclass
class Expected:
    """What the model knows of a delivery."""

    status: str = "queued"
    taken: int = 0
    held: bool = False
    again: bool = False  # a person or its caller wants it to be sent again


class Life(RuleBasedStateMachine):
    """One sender, its queue, a worker that is asked to drain it, and people."""

    ids = Bundle("ids")
    core: Mailcore
    google: GoogleSandbox
    tables: Tables

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[str, Expected] = {}
        self.paused = self.expired = False
        self.google.heal()
        self.tables("DELETE FROM delivery")
        self.core.queue.resume("alerts", by="ann")
        authorise(self.core, self.google)

    @property
    def runs(self) -> bool:
        return not self.paused and not self.expired

    def first(self) -> str | None:
        """The next one to go out: in the order of queueing, as nothing here is for later."""
        order = self.tables("SELECT id FROM delivery ORDER BY send_at, created_at")
        waiting = (str(key) for (key,) in order)
        ready = (k for k in waiting if self.expected[k].status == "queued")
        return next((key for key in ready if not self.expected[key].held), None)

    @rule(target=ids, resend=st.booleans())
    def queues(self, *, resend: bool) -> str:
        policy = IfUnknown.RESEND if resend else IfUnknown.ASK
        queued = queue(self.core, subject="s", if_unknown=policy)
        self.expected[queued.delivery_id] = Expected(again=resend)
        return queued.delivery_id

    @rule()
    def is_drained(self) -> None:
        self.drain()
        for each in self.expected.values():
            if self.runs and each.status == "queued" and not each.held:
                each.status, each.taken = "sent", each.taken + 1

    @precondition(lambda self: self.runs)
    @rule(kind=st.sampled_from(sorted(_TROUBLES)))
    def is_drained_in_trouble(self, kind: str) -> None:
        key = self.first()
        if key is None:
            return
        fault, taken, status = _TROUBLES[kind]
        self.drain_one(fault)
        found = self.expected[key]
        found.taken += taken
        found.status = "queued" if status == "unknown" and found.again else status

    @precondition(lambda self: self.runs)
    @rule()
    def its_worker_dies(self) -> None:
        key = self.first()
        if key is None:
            return
        self.tables(
            "UPDATE delivery SET status = 'sending', claimed_by = 'dead',"
            " leased_until = now() - interval '1 s' WHERE id = %s",
            key,
        )
        self.core.upkeep.settle()
        found = self.expected[key]
        found.status = "queued" if found.again else "unknown"

    @rule()
    def is_paused(self) -> None:
        self.core.queue.pause("alerts", by="ann")
        self.paused = True

    @rule()
    def is_resumed(self) -> None:
        self.core.queue.resume("alerts", by="ann")
        self.paused = False

    @rule()
    def expires(self) -> None:
        self.google.expire_grant(ACCOUNT)
        with suppress(MailError):
            self.core.check("alerts")
        self.expired = True

    @rule()
    def is_authorised_again(self) -> None:
        authorise(self.core, self.google)
        self.expired = False

    @rule(key=ids)
    def is_held(self, key: str) -> None:
        self.core.queue.hold(ids=[key], by="ann")
        self.expected[key].held |= self.expected[key].status == "queued"

    @rule(key=ids)
    def is_released(self, key: str) -> None:
        self.core.queue.release(ids=[key], by="ann")
        if self.expected[key].status == "queued":
            self.expected[key].held = False

    @rule(key=ids)
    def is_cancelled(self, key: str) -> None:
        found = self.expected[key]
        self.settled(found, {"queued", "unknown"}, "discarded", self.core.deliveries.discard, key)

    @rule(key=ids)
    def is_said_to_have_arrived(self, key: str) -> None:
        found = self.expected[key]
        self.settled(found, {"unknown"}, "sent", self.core.deliveries.settle_as_sent, key)

    @rule(key=ids)
    def is_queued_again(self, key: str) -> None:
        found = self.expected[key]
        could = found.status in {"failed", "unknown"}
        assert self.core.queue.send_again(ids=[key], by="ann") == could
        if could:
            found.status, found.held = "queued", False

    @invariant()
    def every_row_is_as_expected(self) -> None:
        rows = {str(key): (status, held) for key, status, held in self.tables(
            "SELECT id, status, held_by IS NOT NULL FROM delivery"
        )}  # fmt: skip
        for key, found in self.expected.items():
            assert rows[key] == (found.status, found.held), key

    @invariant()
    def gmail_has_what_it_should(self) -> None:
        rows = self.tables("SELECT message_id, id FROM delivery")
        ids = {str(message): str(key) for message, key in rows}
        mails = (ids.get(mail.email["Message-ID"]) for mail in self.google.outbox)
        taken = Counter(key for key in mails if key)  # others are of an earlier life
        assert taken == +Counter({key: each.taken for key, each in self.expected.items()})

    @invariant()
    def what_waits_says_why(self) -> None:
        for row in self.core.deliveries.page(limit=1000).deliveries:
            assert (row.waits_for is not None) == (self.expected[row.id].status == "queued")

    def settled(
        self,
        found: Expected,
        could: set[str],
        status: str,
        settle: Callable[..., object],
        key: str,
    ) -> None:
        """A person settles a delivery; it works where it can."""
        try:
            settle(key, by="ann")
        except DeliveryNotSettleable:
            assert found.status not in could
        else:
            assert found.status in could
            found.status = status

    def drain(self) -> None:
        self.tables("UPDATE sender SET next_send_at = NULL, send_interval = 0")
        self.core.drain.run("alerts", worker="w", stopping=lambda: False)

    def drain_one(self, fault: faults.Fault) -> None:
        """Send one message, which goes wrong."""
        self.tables("UPDATE sender SET next_send_at = NULL, send_interval = 0")
        self.google.fail("send", fault)
        turns = iter([False, True])
        self.core.drain.run("alerts", worker="w", stopping=lambda: next(turns))
        self.google.heal()


@pytest.mark.usefixtures("alerts")
def test_every_life_is_as_the_model_says(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Nothing is sent twice that was not asked for, lost, or left without a reason to wait."""
    parts = {"core": core, "google": google, "tables": tables}
    life = type("LifeHere", (Life,), parts)
    run_state_machine_as_test(life, settings=settings(max_examples=20, stateful_step_count=30))
