"""What a worker does about alerts: look for them, and tell them."""

import logging

from mailcore.alert_urls import AlertUrl
from mailcore.clock import Deadline
from mailcore.errors import InvalidAlertChannel, PalEMailError, TemporaryFailure
from mailcore.monitoring import apprise_runner, notices
from mailcore.monitoring.alert_texts import AlertTexts
from mailcore.monitoring.channels import Channels, Target
from mailcore.monitoring.conditions import update_alerts
from mailcore.monitoring.digest import Message
from mailcore.monitoring.mail_channel import MailChannel
from mailcore.monitoring.notices import Batch
from mailcore.store.database import Database
from mailcore.values.alerts import AlertHealth

log = logging.getLogger("mailcore")

#: Seconds that a look may take.
_LOOK = 10.0
#: Seconds that whatever takes the heartbeat may take, to connect and to answer each.
_HEARTBEAT = 10.0
#: Looks at the same time would wait for each other's rows, and find the same.
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtext('pal-e-mail alerts')) AS mine"
_ALIASES = "SELECT DISTINCT alias FROM alert WHERE id = ANY(%(ids)s)"


class Alerting:
    """Raises alerts, and delivers them. Any number of workers may do so at the same time.

    Args:
        database: where alerts are.
        channels: knows where they go.
        texts: composes messages.
        mail: mails them.
        delay: seconds that an alert waits for others, to go out with them.
        heartbeat_url: called while all is well; None for nobody.
    """

    def __init__(
        self,
        database: Database,
        channels: Channels,
        texts: AlertTexts,
        mail: MailChannel,
        *,
        delay: float,
        heartbeat_url: str | None,
    ) -> None:
        self._database = database
        self._channels = channels
        self._texts = texts
        self._mail = mail
        self._delay = delay
        self._heartbeat_url = heartbeat_url

    def look(self) -> None:
        """Raise an alert for everything that is newly wrong, and note who is to be told.

        Raises:
            ConfigurationError: no key opens the stored secrets.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection(Deadline(_LOOK)) as connection:
            self._channels.announce(connection)
            with connection.transaction():
                if connection.run(_ONE_AT_A_TIME).fetchone().mine:  # type: ignore[union-attr]
                    update_alerts(connection)
                    notices.plan(connection, self._delay)

    def tell(self) -> None:
        """Deliver everything that is due, one message after the other.

        Raises:
            ConfigurationError: no key opens the stored secrets.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        while self._is_any_due():
            # What became untrue a moment ago is not told.
            self.look()
            with self._database.connection() as connection:
                batch = notices.claim(connection, self._channels.fingerprints)
            if batch is None:
                return
            self._deliver(batch)

    def call(self, target: Target, message: Message, batch: Batch) -> str | None:
        """Send a message to a channel, and return why it was not taken; None if it was.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        url: AlertUrl = target.url
        if url.mail_address is None:
            return apprise_runner.notify(url.url, message)
        with self._database.connection() as connection:
            ids = [*batch.raised, *batch.resolved]
            about = tuple(row.alias for row in connection.run(_ALIASES, {"ids": ids}))
        return self._mail.send(
            url.mail_address, message, key=batch.id, project=batch.project, about=about
        )

    def call_heartbeat(self, health: AlertHealth) -> None:
        """Call PALEMAIL_HEARTBEAT_URL, unless alerts are silent: then its silence tells it.

        Args:
            health: whether alerts reach anybody.

        Raises:
            TemporaryFailure: it cannot be reached, or does not take the call.
        """
        if self._heartbeat_url is None or health.silent_since is not None:
            return
        import requests  # noqa: PLC0415 - only where a heartbeat is set up

        try:
            response = requests.get(self._heartbeat_url, timeout=_HEARTBEAT)
        except requests.RequestException as exc:
            # Its text has the URL, which is a secret.
            raise TemporaryFailure(
                f"PALEMAIL_HEARTBEAT_URL cannot be reached ({type(exc).__name__})."
            ) from None
        if not response.ok:
            raise TemporaryFailure(f"PALEMAIL_HEARTBEAT_URL answered {response.status_code}.")

    def test_message(self) -> Message:
        """Return what a test sends."""
        return self._texts.test_message()

    def _is_any_due(self) -> bool:
        with self._database.connection() as connection:
            return notices.is_any_due(connection, self._channels.fingerprints)

    def _deliver(self, batch: Batch) -> None:
        try:
            error = self._try(batch)
        except PalEMailError as exc:
            error = exc.message
        with self._database.connection() as connection:
            notices.record(connection, batch, error)
        if error is not None:
            log.warning("an alert could not be delivered: %s", error)

    def _try(self, batch: Batch) -> str | None:
        with self._database.connection() as connection:
            try:
                target = self._channels.target(connection, batch.channel_id)
            except InvalidAlertChannel as exc:
                return exc.message  # it was removed just now
            message = self._texts.message(connection, batch)
        return self.call(target, message, batch)
