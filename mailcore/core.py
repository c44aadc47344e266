"""One deployment: its parts, and the calls that jobs and front ends make."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from mailcore.errors import ReauthRequired
from mailcore.google.drafts import Drafts
from mailcore.google.gmail import Gmail
from mailcore.google.gmail_requests import GmailRequests
from mailcore.google.refresh import TokenRefresh
from mailcore.google.transport import Transport
from mailcore.grants.oauth_clients import OAuthClients
from mailcore.grants.tokens import Tokens
from mailcore.message.arguments import QueueArguments, QueueOptions, SendArguments
from mailcore.message.compose import ComposedMessage
from mailcore.message.whole_message import OtherFrom, WholeMessage, adopt
from mailcore.sending.attempts import Attempts
from mailcore.sending.drafted import DraftedSending
from mailcore.sending.error_context import errors_name
from mailcore.sending.send_email import Mailer
from mailcore.settings import Settings
from mailcore.store.all_sealed import all_sealed
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.threads import Workers
from mailcore.values.deliveries import IfUnknown, Queued, Sent

if TYPE_CHECKING:
    from email.message import Message

    from mailcore.access.logins import Logins
    from mailcore.access.page_secrets import PageSecrets
    from mailcore.monitoring.alerting import Alerting
    from mailcore.monitoring.alerts import Alerts
    from mailcore.monitoring.channels import Channels
    from mailcore.monitoring.metrics import Metrics
    from mailcore.monitoring.probes import Probes
    from mailcore.outbox.control import QueueControl
    from mailcore.outbox.drain import Drain
    from mailcore.outbox.left_drafts import LeftDrafts
    from mailcore.outbox.queue import Queue
    from mailcore.outbox.upkeep import Upkeep
    from mailcore.reauth.authorizations import Authorizations
    from mailcore.reauth.offers import Offers
    from mailcore.reauth.service_accounts import ServiceAccounts
    from mailcore.reauth.tickets import Tickets
    from mailcore.senders.registry import SenderRegistry
    from mailcore.sending.delivery_log import DeliveryLog
    from mailcore.sending.endings import IfNotSent
    from mailcore.values.checks import Finding
    from mailcore.values.senders import ImportedToken, RegistryChange, Sender


class Mailcore:
    """A deployment of pal-e-mail. Cheap to make; connects at first use.

    Safe to share among threads, and among processes forked after it was made.

    Args:
        settings: None reads the environment.

    Raises:
        ConfigurationError: a setting is wrong.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._transport = Transport()
        self._workers = Workers()
        self._database = Database.from_settings(self.settings)
        self._vault = Vault(self.settings.encryption_keys, partial(all_sealed, self._database))
        #: The deployment's OAuth client.
        self.client = OAuthClients(self.settings, self._database, self._vault)
        self._refreshing = TokenRefresh(self.settings.google_token_uri, self._transport)
        self._tokens = Tokens(
            self.settings, self._database, self._vault, self.client, self._refreshing
        )
        requests = GmailRequests(self.settings.gmail_api_endpoint)
        self._drafts = Drafts(requests, self._transport)
        drafted = DraftedSending(self._database, self._drafts)
        attempts = Attempts(self._tokens, Gmail(requests, self._transport), drafted)
        self._mailer = Mailer(self.settings, self._database, self._vault, self._tokens, attempts)

    # What only front ends use is loaded on demand, so a job that sends never waits for it.

    @cached_property
    def senders(self) -> "SenderRegistry":
        """The registry of senders."""
        from mailcore.google.revocation import TokenRevocation  # noqa: PLC0415
        from mailcore.senders.registry import SenderRegistry  # noqa: PLC0415

        revocation = TokenRevocation(self.settings.google_revoke_uri, self._transport)
        return SenderRegistry(self._database, self._vault, revocation)

    @cached_property
    def authorizations(self) -> "Authorizations":
        """Re-auths: links to Google, and their outcomes."""
        from mailcore.google.consent import Consent  # noqa: PLC0415
        from mailcore.reauth.authorizations import Authorizations  # noqa: PLC0415

        consent = Consent(self.settings, self._transport)
        return Authorizations(
            self.settings, self._database, self._vault, self.client, consent, self.senders
        )

    @cached_property
    def logins(self) -> "Logins":
        """Admins' logins with Google."""
        from mailcore.access.logins import Logins  # noqa: PLC0415
        from mailcore.google.consent import Consent  # noqa: PLC0415

        consent = Consent(self.settings, self._transport)
        return Logins(self.settings, self._database, self.client, consent)

    @cached_property
    def offers(self) -> "Offers":
        """Accounts that are waiting for an admin to confirm them."""
        from mailcore.reauth.offers import Offers  # noqa: PLC0415

        return Offers(self._database, self._vault)

    @cached_property
    def service_accounts(self) -> "ServiceAccounts":
        """Senders that need nobody's consent."""
        from mailcore.reauth.service_accounts import ServiceAccounts  # noqa: PLC0415

        return ServiceAccounts(self.settings, self._database, self._vault, self._refreshing)

    @cached_property
    def tickets(self) -> "Tickets":
        """Links for mailbox owners."""
        from mailcore.reauth.tickets import Tickets  # noqa: PLC0415

        return Tickets(self.settings, self._database, self.authorizations)

    @cached_property
    def deliveries(self) -> "DeliveryLog":
        """The log of deliveries."""
        from mailcore.sending.delivery_log import DeliveryLog  # noqa: PLC0415

        return DeliveryLog(self.settings, self._database, self._vault, self._tokens, self._mailer)

    @cached_property
    def queue(self) -> "QueueControl":
        """What a person can do about queued mail."""
        from mailcore.outbox.control import QueueControl  # noqa: PLC0415

        return QueueControl(self.settings, self._database)

    @cached_property
    def metrics(self) -> "Metrics":
        """What Prometheus reads; needs the extra ``callback`` or ``worker``."""
        from mailcore.monitoring.metrics import Metrics  # noqa: PLC0415

        return Metrics(self.settings, self._database, self.alerts.health)

    @cached_property
    def drain(self) -> "Drain":
        """What a worker does for a sender with mail in its queue."""
        from mailcore.outbox.drain import Drain  # noqa: PLC0415

        return Drain(self.settings, self._database, self._vault, self._tokens, self._mailer)

    @cached_property
    def left_drafts(self) -> "LeftDrafts":
        """What a worker does about drafts of which nobody said what became of them."""
        from mailcore.outbox.left_drafts import LeftDrafts  # noqa: PLC0415

        return LeftDrafts(self.settings, self._database, self._tokens, self._drafts, self._mailer)

    @cached_property
    def probes(self) -> "Probes":
        """What asks Google about each grant every few hours; see `Probes.run`."""
        from mailcore.monitoring.probes import Probes  # noqa: PLC0415

        return Probes(self.settings, self._database, self._tokens)

    @cached_property
    def upkeep(self) -> "Upkeep":
        """What a worker does for the queue as a whole."""
        from mailcore.outbox.upkeep import Upkeep  # noqa: PLC0415

        return Upkeep(self.settings, self._database, self._mailer)

    @cached_property
    def alerts(self) -> "Alerts":
        """What is wrong, who is told, and whether that works."""
        from mailcore.monitoring.alerts import Alerts  # noqa: PLC0415

        return Alerts(self._database, self._alert_channels, self.alerting)

    @cached_property
    def alerting(self) -> "Alerting":
        """What a worker does about alerts."""
        from mailcore.monitoring.alert_texts import AlertTexts  # noqa: PLC0415
        from mailcore.monitoring.alerting import Alerting  # noqa: PLC0415
        from mailcore.monitoring.mail_channel import MailChannel  # noqa: PLC0415

        heartbeat = self.settings.heartbeat_url
        return Alerting(
            self._database,
            self._alert_channels,
            AlertTexts(self.settings.public_url, self.senders, self.tickets, self._alert_key),
            MailChannel(self._database, self._mailer),
            delay=self.settings.alert_delay,
            heartbeat_url=heartbeat.get_secret_value() if heartbeat else None,
        )

    @cached_property
    def _alert_channels(self) -> "Channels":
        from mailcore.monitoring.channels import Channels  # noqa: PLC0415

        return Channels(self.settings.alert_urls, self._vault, self._alert_key)

    def _alert_key(self) -> bytes:
        return self.page_secrets().alert_key

    @cached_property
    def _taking_in(self) -> "Queue":
        from mailcore.outbox.queue import Queue  # noqa: PLC0415

        return Queue(self._database, self._vault, self._tokens, self._workers)

    def queue_email(
        self, alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
    ) -> Queued:
        """Queue a message, and return once that is recorded; a worker sends it.

        The message is composed and checked now, so invalid input fails here. It waits while its
        sender can't send, and goes out after the re-auth, in the order of queueing.

        Args:
            alias: the sender.
            connection: your own connection, which makes queueing part of your transaction: the
                message is queued if and only if you commit. An SQLAlchemy Session or
                Connection, or a psycopg connection; in Django
                ``django.db.connection.connection``.
            idempotency_key: one per message: with the same key for the same sender, nothing is
                queued again, and the result says how far the first message has come.
            send_at: the earliest time to send it; an aware datetime.
            expires_at: the latest time to send it; an aware datetime. If None, it is tried for
                PALEMAIL_GIVE_UP_AFTER days, not counting time in which its sender can't send.
            if_unknown: what to do if it is unclear whether Gmail accepted it. ``"ask"`` leaves it
                to a person, so that it is never sent twice; ``"resend"`` sends it again.
            allow_fallback: if its sender can't send for a while and has a fallback, it may go out
                through that: From changes, and answers still go to its sender's account.
            **arguments: the content, and ``thread_id``, as for `send_email`.

        Raises:
            InvalidMessage: an argument is unusable; its ``field`` says which.
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
            TypeError: the connection is of a type that is not supported.
        """
        return self._taking_in.queue_email(alias, connection=connection, **arguments)

    async def aqueue_email(
        self, alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
    ) -> Queued:
        """`queue_email` for asyncio: the same arguments, and the loop is not blocked.

        The connection is an SQLAlchemy AsyncSession or AsyncConnection over psycopg, or
        psycopg's AsyncConnection.
        """
        return await self._taking_in.aqueue_email(alias, connection=connection, **arguments)

    def queue_message(
        self,
        alias: str,
        message: "bytes | Message",
        *,
        recipients: Sequence[str] | None = None,
        other_from: OtherFrom = "replace",
        once: bool = False,
        connection: Any = None,
        **options: Unpack[QueueOptions],
    ) -> Queued:
        """Queue a message that another program composed; a worker sends it.

        Its body and most headers stay as they are. From becomes the sender's own; Bcc also names
        those recipients whom no other header names.

        Args:
            alias: the sender.
            message: an RFC 5322 message: bytes, or of Python's `email` package.
            recipients: the envelope's addresses; None takes those of To, Cc and Bcc.
            other_from: what to do with a From that is not the sender's account: ``"replace"``
                it, and keep it as Reply-To if there is none; or ``"refuse"`` the message.
            once: a message with the same Message-ID to the same recipients, queued within a day,
                is the same message: nothing is queued again, and the result says how far the
                first has come. Not together with an ``idempotency_key``.
            connection: as for `queue_email`.
            **options: ``idempotency_key``, ``thread_id``, ``send_at``, ``expires_at``,
                ``if_unknown`` and ``allow_fallback``, as for `queue_email`.

        Raises:
            InvalidMessage: it cannot be read, or names others than ``recipients``.
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
            TypeError: the connection is of a type that is not supported.
        """
        whole = self._adopted(alias, message, recipients, other_from)
        take_in = self._taking_in.queue_once if once else self._taking_in.queue_whole
        return take_in(alias, whole, connection=connection, **options)

    def send_message(
        self,
        alias: str,
        message: "bytes | Message",
        *,
        recipients: Sequence[str] | None = None,
        other_from: OtherFrom = "replace",
        idempotency_key: str | None = None,
        timeout: float = 30.0,
        or_queue: bool = False,
    ) -> Sent | Queued:
        """Send a message that another program composed; see `queue_message` and `send_email`.

        Args:
            alias: the sender.
            message: as for `queue_message`.
            recipients: as for `queue_message`.
            other_from: as for `queue_message`.
            idempotency_key: as for `send_email`.
            timeout: as for `send_email`.
            or_queue: as for `send_email`.

        Raises:
            PalEMailError: as `send_email`.
        """
        whole = self._adopted(alias, message, recipients, other_from)
        return self._mailer.send_whole(
            alias,
            whole,
            idempotency_key=idempotency_key,
            timeout=timeout,
            or_queue=self._queues_instead() if or_queue else None,
        )

    def _adopted(
        self,
        alias: str,
        message: "bytes | Message",
        recipients: Sequence[str] | None,
        other_from: OtherFrom,
    ) -> WholeMessage:
        from mailcore.senders.own_addresses import read_own_addresses  # noqa: PLC0415

        with errors_name(alias):
            raw = message if isinstance(message, bytes) else message.as_bytes()
            with self._database.connection() as connection:
                own = read_own_addresses(connection, alias)
            return adopt(
                raw,
                recipients=recipients,
                account=own.account,
                send_as=own.send_as,
                other_from=other_from,
            )

    @overload
    def send_email(
        self, alias: str, *, dry_run: Literal[False] = False, **arguments: Unpack[SendArguments]
    ) -> Sent: ...

    @overload
    def send_email(
        self, alias: str, *, dry_run: Literal[True], **arguments: Unpack[SendArguments]
    ) -> ComposedMessage: ...

    @overload
    def send_email(
        self, alias: str, *, or_queue: Literal[True], **arguments: Unpack[SendArguments]
    ) -> Sent | Queued: ...

    def send_email(
        self,
        alias: str,
        *,
        dry_run: bool = False,
        or_queue: bool = False,
        **arguments: Unpack[SendArguments],
    ) -> Sent | Queued | ComposedMessage:
        """Send a message, and return once Gmail has accepted it.

        Invalid input fails before anything happens. A message that certainly did not reach
        Gmail is tried again until the timeout; one that may have reached it never is.

        Args:
            alias: the sender.
            to: addresses, as text (``"Ann <ann@example.com>, bob@example.com"``) or a list.
            subject: one line.
            text: the plain-text body; with `html` too, the reader's mail program chooses.
            html: the HTML body.
            cc: as `to`.
            bcc: as `to`; the other recipients don't see them.
            reply_to: as `to`.
            from_address: one of the addresses that the sender may send as; None uses its account.
            from_name: the name shown next to the sender's address; None uses the sender's own.
            headers: additional headers, such as ``{"List-Unsubscribe": "<…>"}``.
            thread_id: Gmail's id of the thread to add it to, as in `Sent.thread_id`.
            in_reply_to: the Message-ID that it replies to.
            references: the Message-IDs of the thread so far.
            attachments: paths, ``(name, bytes or file)``, open files, or `Attachment`.
            inline: content id → image, for ``<img src="cid:…">``.
            idempotency_key: one per message: a second call with the same key and sender
                returns the first result and sends nothing, in any process, whatever its message.
            if_unknown: what to do if it is unclear whether Gmail accepted it. ``"ask"`` raises
                `OutcomeUnknown` and leaves it to a person; ``"resend"`` sends it again, until the
                timeout, and it may arrive twice. If the process dies, a worker sends it again.
            timeout: seconds for the whole call.
            dry_run: return the `ComposedMessage` that would go out, and send nothing.
            or_queue: if the message certainly was not sent, queue it and return `Queued`, instead
                of raising an error: because its sender needs a re-auth, is blocked or was asked
                to slow down, or because Gmail could not be reached.

        Raises:
            InvalidMessage: an argument is unusable; its ``field`` says which.
            SenderNotFound: no sender has that alias.
            ReauthRequired: Google refuses the grant; someone must re-authorise.
            SenderBlocked: Google refuses the account; re-authorising does not help.
            RateLimited: Google asks to slow down; ``retry_after`` says for how long.
            TemporaryFailure: it did not reach Gmail; sending it later is safe.
            OutcomeUnknown: it may have been sent; it is not sent again.
            DeliveryDiscarded: a person discarded the message with this key.
            MessageRejected: Gmail refuses this message.
            ConfigurationError: the OAuth client, the project or a setting is at fault.
        """
        queues = self._queues_instead(arguments.get("if_unknown")) if or_queue else None
        return self._mailer.send_email(alias, dry_run=dry_run, or_queue=queues, **arguments)

    def _queues_instead(self, if_unknown: str | None = None) -> "IfNotSent":
        from mailcore.outbox.retrying import into_the_queue  # noqa: PLC0415

        resend = if_unknown == IfUnknown.RESEND
        return into_the_queue(
            IfUnknown.RESEND if resend else IfUnknown.ASK,
            timedelta(days=self.settings.give_up_after),
        )

    @overload
    async def asend_email(
        self, alias: str, *, or_queue: Literal[False] = False, **arguments: Unpack[SendArguments]
    ) -> Sent: ...

    @overload
    async def asend_email(
        self, alias: str, *, or_queue: Literal[True], **arguments: Unpack[SendArguments]
    ) -> Sent | Queued: ...

    async def asend_email(
        self, alias: str, *, or_queue: bool = False, **arguments: Unpack[SendArguments]
    ) -> Sent | Queued:
        """`send_email` for asyncio: the same arguments, and the loop is not blocked.

        Up to 32 messages are sent at the same time. Further calls wait their turn first; their
        timeout starts when it comes. Cancelling the call stops the waiting, not the sending; the
        outcome is still recorded.
        """
        queues = self._queues_instead(arguments.get("if_unknown")) if or_queue else None
        sending = partial(self._mailer.send_email, alias, or_queue=queues, **arguments)
        return cast("Sent | Queued", await self._workers.run(sending))

    def access_token(self, alias: str) -> str:
        """Return a valid access token of a sender, for any Gmail client.

        Args:
            alias: the sender.

        Raises:
            SenderNotFound: no sender has that alias.
            ReauthRequired: Google refuses the grant, or there is none.
            SenderBlocked: Google refuses the account.
            TemporaryFailure: Google or the database cannot be reached.
            RateLimited: Google asks to slow down.
            ConfigurationError: the OAuth client is refused or missing.
        """
        return self._tokens.access_token(alias)

    def check(self, alias: str) -> "Sender":
        """Ask Google whether a sender's grant still works, by actually renewing it.

        Args:
            alias: the sender.

        Returns:
            The sender as it is afterwards; its status shows whether the grant was refused.

        Raises:
            SenderNotFound: no sender has that alias.
            TemporaryFailure: Google or the database cannot be reached.
            RateLimited: Google asks to slow down.
            ConfigurationError: the OAuth client is refused or missing.
        """
        with suppress(ReauthRequired):  # never authorised: its status says so
            self.probes.check(alias)
        return self.senders.get(alias)

    def import_tokens(
        self, directory: Path, *, dry_run: bool = False, by: str
    ) -> "tuple[ImportedToken, ...]":
        """Register a sender for every gmail-sdk token file in a directory, and import its grant.

        Args:
            directory: gmail-sdk's secrets directory.
            dry_run: only say what would happen.
            by: who does it, for the audit trail.

        Raises:
            ConfigurationError: it is not a directory.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.grants.token_import import import_tokens  # noqa: PLC0415

        return import_tokens(
            directory, dry_run=dry_run, by=by, database=self._database, vault=self._vault
        )

    def apply_senders(
        self, text: str, *, dry_run: bool = False, delete_others: bool = False, by: str
    ) -> "Iterator[RegistryChange]":
        """Bring the registry to what a file says; yield each change once it is made.

        What the file leaves out of a sender stays as it is. It is checked as a whole first, and
        applying it again changes nothing.

        Args:
            text: the file: TOML with a table ``[senders.ALIAS]`` for each sender, which may have
                ``account``, ``name`` and ``project``.
            dry_run: only say what would change.
            delete_others: delete the senders that the file does not name, with their grants.
            by: who does it, for the audit trail.

        Raises:
            InvalidSender: the file is unusable. Nothing was changed.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.senders.declared import apply, read_declared  # noqa: PLC0415

        return apply(
            self.senders,
            read_declared(text),
            dry_run=dry_run,
            delete_others=delete_others,
            by=by,
        )

    def migrate(self) -> bool:
        """Bring the tables up to date; if another process is doing so, wait for it.

        Returns:
            Whether there was anything to do.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.store.migrate import migrate  # noqa: PLC0415

        return migrate(self._database)

    def is_migrated(self) -> bool:
        """Say whether the tables are up to date.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.store.migrate import is_current  # noqa: PLC0415

        return is_current(self._database)

    def snapshot(self) -> str:
        """Return a text that stays the same for as long as nothing in the database changes.

        It is cheap: a page can call it every second or so, and read its data again only if the
        text differs. Changes that only the clock brings don't show.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.store.snapshot import read_snapshot  # noqa: PLC0415

        return read_snapshot(self._database)

    def doctor(self) -> "tuple[Finding, ...]":
        """Check everything that a re-auth and a send need; each finding says how to fix it."""
        from mailcore.monitoring.doctor import examine  # noqa: PLC0415

        return examine(self.settings, self._database, self._vault, self.client, self.alerts.health)

    def fetch_signing_keys(self) -> bytes:
        """Fetch the public keys of the proxy that signs who is using the admin page.

        Raises:
            NotAdmitted: they cannot be fetched.
        """
        from mailcore.access.signing_keys import fetch  # noqa: PLC0415

        return fetch(self.settings.signed_user_keys_url or "", self._transport)

    def page_secrets(self) -> "PageSecrets":
        """Return the key that signs the admin page's cookies, and the startup link's token.

        Raises:
            ConfigurationError: the tables are missing, or no key opens what is stored.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.access.page_secrets import page_secrets  # noqa: PLC0415

        return page_secrets(self._database, self._vault)

    def rotate_keys(self, *, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Re-encrypt every stored secret with the first of PALEMAIL_ENCRYPTION_KEYS.

        Once everything is sealed, values that are not sealed are no longer accepted. It can be
        stopped at any time: what is sealed stays sealed, and the next call does the rest.

        Args:
            on_progress: called now and then with how many values are done, and how many there are.

        Returns:
            How many values were sealed.

        Raises:
            ConfigurationError: no keys are set, or a stored secret cannot be opened.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        from mailcore.store.key_rotation import rotate  # noqa: PLC0415

        return rotate(self._database, self._vault, on_progress or (lambda _done, _total: None))

    def close(self) -> None:
        """Wait for what `asend_email` is still sending, then close every connection.

        If it is used again, it opens new ones.
        """
        self._workers.close()
        self._mailer.close()
        self._database.close()
        self._transport.close()
