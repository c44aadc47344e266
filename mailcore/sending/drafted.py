"""Sending a message as a draft, so that it can be found out whether it was sent.

A draft keeps its id, and is gone once it is sent. So where Gmail's answer is lost, the draft is
looked for: if it is there, it was not sent, and the same draft is sent again; if it is gone, it
was. A look that fails proves nothing: then a worker looks again, see `outbox.left_drafts`.
"""

from typing import Any

from mailcore.google.drafts import Drafts
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.sending import draft_rows
from mailcore.sending.draft_rows import Draft
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.store.database import Database

#: How often an attempt tells Gmail to send the same draft.
_TIMES = 3

#: An earlier answer was lost, and with it the ids of the message.
_WAS_SENT = Accepted(gmail_id=None, thread_id=None)


class DraftedSending:
    """Sends messages as drafts.

    Args:
        database: where drafts are recorded.
        drafts: Gmail's.
    """

    def __init__(self, database: Database, drafts: Drafts) -> None:
        self._database = database
        self._drafts = drafts

    def post(self, outgoing: OutgoingMessage) -> Accepted:
        """Make a draft of a message and send it, or go on with the draft that it has.

        Raises:
            GoogleFailure: it was refused or not sent; or it may have been, and Gmail does not say.
            DatabaseUnavailable: the draft could not be recorded. Nothing was sent.
        """
        draft = outgoing.draft = outgoing.draft or self._begin(outgoing)
        if draft.offered and not self._is_there(outgoing, draft):
            return _WAS_SENT
        if draft.draft_id is None:
            draft.draft_id = self._make(outgoing, draft)
        if not draft.recorded:
            self._record(outgoing, draft)
        return self._send(outgoing, draft)

    def _begin(self, outgoing: OutgoingMessage) -> Draft:
        with self._database.connection(outgoing.request.deadline) as connection:
            return draft_rows.begin(
                connection,
                delivery_id=outgoing.delivery_id,
                alias=outgoing.sender.alias,
                message_id=outgoing.message.message_id,
                leased_until=outgoing.leased_until,
            )

    def _make(self, outgoing: OutgoingMessage, draft: Draft) -> str:
        try:
            return self._drafts.create(
                outgoing.message.raw,
                thread_id=outgoing.request.thread_id,
                post_by=outgoing.request.post_by,
                **_access(outgoing),
            )
        except GoogleFailure as failure:
            draft.unnamed |= failure.kind is FailureKind.TEMPORARY  # others are Gmail's own no
            raise

    def _record(self, outgoing: OutgoingMessage, draft: Draft) -> None:
        with self._database.connection(outgoing.request.deadline) as connection:
            if draft_rows.record_id(connection, draft, leased_until=outgoing.leased_until):
                return
        raise GoogleFailure(FailureKind.TEMPORARY, "deadline", "making the draft took too long")

    def _send(self, outgoing: OutgoingMessage, draft: Draft) -> Accepted:
        left = _TIMES
        while True:
            left -= 1
            try:
                return self._told(outgoing, draft)
            except GoogleFailure as failure:
                if failure.kind is not FailureKind.UNKNOWN:
                    raise
                draft.offered = outgoing.may_have_arrived = True
                if not self._is_there(outgoing, draft, unless=failure):
                    return _WAS_SENT
                if not left:
                    raise

    def _told(self, outgoing: OutgoingMessage, draft: Draft) -> Accepted:
        """Tell Gmail to send it, once."""
        outgoing.in_flight = True
        try:
            sent = self._drafts.send(
                draft.draft_id or "", post_by=outgoing.request.post_by, **_access(outgoing)
            )
        except GoogleFailure as failure:
            outgoing.in_flight = failure.kind is FailureKind.UNKNOWN
            raise
        outgoing.in_flight = False
        if sent is not None:
            return sent
        if draft.offered:
            return _WAS_SENT
        draft.draft_id, draft.recorded = None, False
        raise GoogleFailure(FailureKind.TEMPORARY, "draft_gone", "its draft was deleted")

    def _is_there(
        self, outgoing: OutgoingMessage, draft: Draft, *, unless: GoogleFailure | None = None
    ) -> bool:
        """Say whether the draft is still there, and so was not sent.

        Args:
            outgoing: the message.
            draft: its draft.
            unless: what is raised where Gmail does not say.
        """
        try:
            return self._drafts.exists(draft.draft_id or "", **_access(outgoing))
        except GoogleFailure as failure:
            raise (unless or failure) from failure


def _access(outgoing: OutgoingMessage) -> dict[str, Any]:
    return {
        "access_token": outgoing.sender.grant.access_token or "",
        "deadline": outgoing.request.deadline,
    }
