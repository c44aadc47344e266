"""What is done with what a client brings: who may come in, and queueing its messages."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailcore.api_keys import ApiScope, find_key
from mailcore.core import Mailcore
from mailcore.errors import PalEMailError
from mailcore.message.addresses import mail_address
from mailcore.message.whole_message import OtherFrom
from mailcore.smtp.replies import FAILED, refusal, reply

log = logging.getLogger(__name__)

#: Recipients of one message; Gmail takes no more.
MAX_RECIPIENTS = 500


class Handler:
    """Answers a client's commands; aiosmtpd finds these methods by their names.

    Args:
        core: queues messages.
        other_from: what is done with a From that is not the sender's account.
        threads: where messages are written to the database.
    """

    def __init__(
        self, core: Mailcore, *, other_from: OtherFrom, threads: ThreadPoolExecutor
    ) -> None:
        self._core = core
        self._other_from = other_from
        self._threads = threads

    def authenticate(
        self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        """Take an alias and an API key that may send through it."""
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        alias = given.login.decode("ascii", "replace")
        found = find_key(self._core.settings.api_keys, given.password.decode("ascii", "replace"))
        if found is None or not (found[1].may(ApiScope.SEND) and found[1].may_use(alias)):
            log.warning("SMTP: wrong key for a sender, from %s", session.peer)
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=alias)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Refuse at once what Gmail cannot send to."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients."
        try:
            mail_address(address, field="recipients")
        except PalEMailError as exc:
            return reply("553 5.1.3", str(exc))
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Queue the message; 250 only once that is committed."""
        return await server.loop.run_in_executor(
            self._threads, self._take_in, str(session.auth_data), envelope
        )

    def _take_in(self, alias: str, envelope: Envelope) -> str:
        try:
            queued = self._core.queue_message(
                alias,
                cast("bytes", envelope.content or b""),  # not decoded, unless one asks for that
                recipients=envelope.rcpt_tos,
                other_from=self._other_from,
                once=True,
            )
        except PalEMailError as exc:
            log.warning("SMTP: a message of sender %s was not taken: %s", alias, exc.message)
            return refusal(exc)
        return reply("250 2.0.0", f"Queued as {queued.delivery_id}")

    async def handle_exception(self, error: Exception) -> str:
        """Tell what nobody foresaw to the log alone."""
        log.error("SMTP: a command failed", exc_info=error)
        return FAILED
