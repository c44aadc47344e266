"""Alerts by mail, through a sender that the alert is not about."""

from uuid import UUID

from mailcore.errors import PalEMailError
from mailcore.monitoring.digest import Message
from mailcore.sending.send_email import Mailer
from mailcore.store.database import Database

#: Senders that are tried one after the other.
_TRIED = 3
#: Seconds for each.
_TIMEOUT = 20.0

#: The projects of its senders must differ: one fault often takes a whole project with it. Of
#: those without a project nobody knows; there, any other sender will do.
_CANDIDATES = """
    SELECT alias FROM sender
    WHERE status = 'healthy' AND paused_at IS NULL AND alias <> ALL(%(about)s)
      AND (project IS NULL OR project IS DISTINCT FROM %(project)s)
    ORDER BY project IS NULL, last_error_code IS NOT NULL, grant_expires_at DESC NULLS FIRST, alias
    LIMIT %(tried)s
"""


class MailChannel:
    """Mails messages.

    Args:
        database: knows the senders.
        mailer: sends.
    """

    def __init__(self, database: Database, mailer: Mailer) -> None:
        self._database = database
        self._mailer = mailer

    def send(
        self,
        address: str,
        message: Message,
        *,
        key: UUID,
        project: str | None,
        about: tuple[str, ...],
    ) -> str | None:
        """Mail a message.

        Args:
            address: to whom.
            message: what to send.
            key: the same for the same message, which no sender sends twice.
            project: what the message is about; no sender of this project is used.
            about: the senders that it is about, which are not used either.

        Returns:
            Why it was not sent; None if it was.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            values = {"about": list(about), "project": project, "tried": _TRIED}
            aliases = [row.alias for row in connection.run(_CANDIDATES, values)]
        error = "There is no healthy sender of another project to mail it."
        for alias in aliases:
            try:
                self._mailer.send_email(
                    alias,
                    to=address,
                    subject=message.title,
                    text=message.text,
                    html=message.html,
                    idempotency_key=f"alert {key}",
                    timeout=_TIMEOUT,
                )
            except PalEMailError as exc:
                error = exc.message
            else:
                return None
        return error
