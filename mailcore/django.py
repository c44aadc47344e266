"""A mail backend for Django: ``EMAIL_BACKEND = "mailcore.django.EmailBackend"``.

.. code-block:: python

    EMAIL_BACKEND = "mailcore.django.EmailBackend"
    PALEMAIL = {
        "ALIAS": "alerts",                                  # through which sender
        "ALIASES": {"billing@example.com": "billing"},      # or by the message's From
        "SEND": False,                                      # True sends at once
    }

Messages are queued. Where Django's own database is pal-e-mail's, too, name it in ``DATABASE``:
then a message is part of the open transaction, and goes out if and only if that is committed.
"""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections

from mailcore.core import Mailcore
from mailcore.default import default
from mailcore.errors import PalEMailError

#: A message's header that names its idempotency key; it does not go out.
KEY_HEADER = "X-Idempotency-Key"
_OPTIONS = frozenset({"ALIAS", "ALIASES", "SEND", "DATABASE", "OTHER_FROM"})


class EmailBackend(BaseEmailBackend):
    """Queues or sends Django's messages.

    Args:
        fail_silently: as everywhere in Django: errors are not raised.
        alias: the sender; None takes that of the settings.
        core: the deployment; None takes the one that the environment describes.
        **options: Django's, such as ``username``; they are not used.

    Raises:
        ImproperlyConfigured: the setting ``PALEMAIL`` holds something unknown.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        alias: str | None = None,
        core: Mailcore | None = None,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently=fail_silently, **options)
        given: dict[str, Any] = getattr(settings, "PALEMAIL", {})
        if unknown := set(given) - _OPTIONS:
            raise ImproperlyConfigured(
                f"PALEMAIL has an unknown entry {min(unknown)!r}. "
                f"Known are: {', '.join(sorted(_OPTIONS))}."
            )
        self._core = core
        self._alias: str | None = alias or given.get("ALIAS")
        aliases: dict[str, str] = given.get("ALIASES", {})
        self._aliases = {address.casefold(): name for address, name in aliases.items()}
        self._sends: bool = given.get("SEND", False)
        self._database: str | None = given.get("DATABASE")
        self._other_from = given.get("OTHER_FROM", "replace")

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue or send messages; return how many.

        A message without recipients is left out, as by Django's other backends.

        Raises:
            PalEMailError: one could not be queued or sent, and errors are not silent. Those
                before it have been.
            ImproperlyConfigured: no sender is named.
        """
        done = 0
        for message in email_messages:
            if not message.recipients():
                continue
            try:
                self._send(message)
            except PalEMailError:
                if not self.fail_silently:
                    raise
            else:
                done += 1
        return done

    def _send(self, message: EmailMessage) -> None:
        core = self._core or default()
        composed = message.message()
        key = composed[KEY_HEADER]
        del composed[KEY_HEADER]
        whole: dict[str, Any] = {
            # Bcc is in no header of Django's: the envelope names them. They may be translated.
            "recipients": [str(address) for address in message.recipients()],
            "other_from": self._other_from,
            "idempotency_key": None if key is None else str(key),
        }
        alias, raw = self._alias_of(message), composed.as_bytes()
        if self._sends:
            core.send_message(alias, raw, **whole)
        else:
            core.queue_message(alias, raw, connection=self._transaction(), **whole)

    def _alias_of(self, message: EmailMessage) -> str:
        address = parseaddr(str(message.from_email))[1].casefold()
        alias = self._aliases.get(address, self._alias)
        if alias is None:
            raise ImproperlyConfigured(
                f"PALEMAIL names no sender for messages from {address!r}: set ALIAS, or ALIASES."
            )
        return alias

    def _transaction(self) -> Any:
        if self._database is None:
            return None
        connection = connections[self._database]
        connection.ensure_connection()
        return connection.connection
