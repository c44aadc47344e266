"""The registry: register, list, inspect, change and delete senders."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, Unpack

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from mailcore.clock import Deadline, now
from mailcore.errors import ConfigurationError, DatabaseUnavailable, InvalidSender, SenderExists
from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.revocation import TokenRevocation
from mailcore.senders.deletion import delete_row
from mailcore.senders.events import event, read_events
from mailcore.senders.grant_ends import read_ends_ahead, read_grant_ends
from mailcore.senders.grant_revocation import GrantRevocations
from mailcore.senders.listing import read_page, read_projects
from mailcore.senders.picture import find, no_sender, read_sender
from mailcore.senders.validation import (
    ALIAS_PATTERN,
    SenderChanges,
    checked_account,
    checked_alias,
    checked_changes,
    checked_text,
)
from mailcore.status import SenderStatus
from mailcore.store.database import TIME_LIMIT, Database
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow
from mailcore.store.sealed_columns import SENDER_CLIENT, SENDER_GRANT
from mailcore.values.reauth import RenewalWalk
from mailcore.values.senders import (
    AuditEvent,
    Deleted,
    GrantEnd,
    GrantEndCount,
    Revocation,
    Sender,
    SenderEvent,
    SenderPage,
)

#: What a status filter takes: a state, or the facts *expiring* and *due* (expiring or expired).
StatusFilter = SenderStatus | Literal["expiring", "due"]

_YEAR = 365 * 24 * 3600

#: How many senders are read at once where all are.
_BATCH = 1000


class SenderRegistry:
    """The senders of a deployment.

    Args:
        database: where they are.
        vault: seals their own OAuth clients.
        revocation: Google's endpoint that ends grants.
    """

    def __init__(self, database: Database, vault: Vault, revocation: TokenRevocation) -> None:
        self._database = database
        self._vault = vault
        #: Ends the grants of those that are deleted.
        self.revocations = GrantRevocations(database, revocation)

    def register(
        self,
        alias: str,
        *,
        gmail_account: str | None = None,
        display_name: str | None = None,
        project: str | None = None,
        credentials_json: str | None = None,
        by: str,
    ) -> Sender:
        """Add a sender. It is *pending* until it is authorised.

        Args:
            alias: the name for jobs: lower-case letters, digits, ``.``, ``_`` and ``-``,
                at most 63, starting with a letter or digit.
            gmail_account: the mailbox's address; None adopts the first that consents.
            display_name: the name recipients see.
            project: what it belongs to.
            credentials_json: its own OAuth client, as Google's console hands it out; None
                for the deployment's.
            by: who registers it.

        Raises:
            InvalidSender: a field is unusable.
            SenderExists: the alias is taken.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        row = SenderRow(
            alias=checked_alias(alias),
            gmail_account=checked_account(gmail_account, alias),
            display_name=checked_text(display_name, "display_name", alias),
            project=checked_text(project, "project", alias),
            credentials_json=self._sealed_client(credentials_json, alias),
        )
        try:
            with self._database.session() as session:
                session.add_all(
                    [row, event(alias, AuditEvent.REGISTERED, who=by, detail=row.gmail_account)]
                )
        except IntegrityError as exc:
            raise SenderExists(
                f"Sender {alias!r} already exists.",
                remedy="Choose another alias, or delete that sender first.",
                alias=alias,
            ) from exc
        return self.get(alias)

    def page(
        self,
        *,
        search: str = "",
        status: StatusFilter | None = None,
        walk: RenewalWalk | None = None,
        offset: int = 0,
        limit: int = 25,
        timeout: float = TIME_LIMIT,
    ) -> SenderPage:
        """Return one page of senders, those that need attention first, in one query.

        Args:
            search: part of an alias, account, display name or project; any case.
            status: only these; *healthy* excludes those that are *expiring*.
            walk: instead, only those that a run of *Renew all due* has still to renew.
            offset: how many to skip.
            limit: how many at most.
            timeout: seconds for all of it.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, or did not answer in time.
        """
        with self._database.statement(Deadline(timeout)) as connection:
            return read_page(
                connection, search=search, status=status, walk=walk, offset=offset, limit=limit
            )

    def every(self, *, search: str = "", status: StatusFilter | None = None) -> Iterator[Sender]:
        """Yield every sender that matches, those that need attention first.

        Args:
            search: as for `page`.
            status: as for `page`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        offset, matching = 0, 1
        while offset < matching:
            page = self.page(search=search, status=status, offset=offset, limit=_BATCH)
            yield from page.senders
            offset, matching = offset + _BATCH, page.matching

    def projects(self) -> tuple[str, ...]:
        """Return the names of all projects, in order.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return read_projects(connection)

    def grant_ends(self) -> tuple[GrantEnd, ...]:
        """Return when each grant ends, or has ended, as far as that is known; the next one first.

        A grant that Google refused before its time is left out: it has ended already.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return read_grant_ends(connection)

    def ends_ahead(self, time: timedelta) -> tuple[GrantEndCount, ...]:
        """Return how many grants end when, to a quarter of an hour.

        Args:
            time: how far to look ahead.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return read_ends_ahead(connection, now() + time)

    def get(self, alias: str) -> Sender:
        """Return one sender.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of them
            raise no_sender(alias)
        with self._database.statement() as connection:
            return read_sender(connection, alias)

    def update(self, alias: str, *, by: str, **changes: Unpack[SenderChanges]) -> Sender:
        """Change what is given, all of it or nothing.

        The account changes only while there is no grant: afterwards it is the grant's.

        Args:
            alias: the sender.
            by: who changes it.
            **changes: the new values, as in `SenderChanges`; None empties one.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: a field is unusable or cannot change.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        values = checked_changes(changes, alias)
        with self._database.session() as session:
            row = find(session, alias)
            if (
                row.generation
                and values.get("gmail_account", row.gmail_account) != row.gmail_account
            ):
                account = row.gmail_account or "the account that its next re-auth will name"
                raise InvalidSender(
                    f"Sender {alias!r} is authorised for {account}.",
                    remedy="To send from another account, register another sender.",
                    field="gmail_account",
                    alias=alias,
                )
            changed = {name: value for name, value in values.items() if getattr(row, name) != value}
            if changed:
                row.sqlmodel_update({**changed, "updated_at": now()})
                detail = ", ".join(f"{name}: {_said(value)}" for name, value in changed.items())
                session.add(event(alias, AuditEvent.CHANGED, who=by, detail=detail))
            session.flush()
            return read_sender(session.connection(), alias)

    def fallback_of(self, alias: str) -> tuple[str, ...]:
        """Return the senders whose fallback a sender is, in order.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        wanted = select(SenderRow.alias).where(SenderRow.fallback_alias == alias)
        with self._database.session() as session:
            return tuple(session.exec(wanted.order_by(SenderRow.alias)))

    def set_fallback(
        self, alias: str, fallback_alias: str | None, *, after: int = 900, by: str
    ) -> Sender:
        """Give a sender a fallback, or take it away.

        While the sender is expired or blocked, queued mail that allows it goes out through the
        fallback, if that can send: from its account, with answers to this one's. It never goes
        further, through the fallback's own.

        Args:
            alias: the sender.
            fallback_alias: another one; None takes it away.
            after: seconds for which the sender must not have been able to send.
            by: who does it.

        Raises:
            SenderNotFound: there is no sender of one of these aliases.
            InvalidSender: it is the sender itself, or the time is below 0 or above a year.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        if fallback_alias == alias:
            raise InvalidSender(
                f"Sender {alias!r} can't be its own fallback.", field="fallback_alias", alias=alias
            )
        if not 0 <= after <= _YEAR:
            raise InvalidSender(
                "A fallback is used after 0 seconds to a year.", field="fallback_after", alias=alias
            )
        with self._database.session() as session:
            if fallback_alias is not None:
                read_sender(session.connection(), fallback_alias)
            row = find(session, alias)
            row.sqlmodel_update(
                {"fallback_alias": fallback_alias, "fallback_after": after, "updated_at": now()}
            )
            detail = f"fallback: {fallback_alias} after {after} s" if fallback_alias else "none"
            session.add(event(alias, AuditEvent.CHANGED, who=by, detail=detail))
            session.flush()
            return read_sender(session.connection(), alias)

    def set_use_drafts(self, alias: str, use_drafts: bool, *, by: str) -> Sender:
        """Say whether a sender sends its mail as drafts, so that an unknown outcome settles itself.

        That takes a wider permission, which its next re-auth asks for, or giving it the key of its
        service account again: until then nothing changes, unless the grant has it already.

        Args:
            alias: the sender.
            use_drafts: whether it does.
            by: who says so.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = find(session, alias)
            if row.use_drafts != use_drafts:
                row.sqlmodel_update({"use_drafts": use_drafts, "updated_at": now()})
                detail = "sends drafts" if use_drafts else "sends messages, not drafts"
                session.add(event(alias, AuditEvent.CHANGED, who=by, detail=detail))
            session.flush()
            return read_sender(session.connection(), alias)

    def set_client(self, alias: str, credentials_json: str | None, *, by: str) -> Sender:
        """Give a sender its own OAuth client, or take it away.

        The grant belongs to the client that asked for it: re-authorise afterwards.

        Args:
            alias: the sender.
            credentials_json: as Google's console hands it out; None for the deployment's.
            by: who does it.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: it is not such a file.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        sealed = self._sealed_client(credentials_json, alias)
        with self._database.session() as session:
            row = find(session, alias)
            row.sqlmodel_update({"credentials_json": sealed, "updated_at": now()})
            detail = "its own OAuth client" if sealed else "the deployment's OAuth client"
            session.add(event(alias, AuditEvent.CLIENT_CHANGED, who=by, detail=detail))
            session.flush()
            return read_sender(session.connection(), alias)

    def delete(self, alias: str, *, by: str, keep_grant: bool = False) -> Deleted:
        """Delete a sender with its tokens, clients and open links, for good.

        The audit trail and the deliveries stay; what still waited is discarded. Its grant is
        revoked at Google, if that can be done: the sender is deleted in any case.

        Args:
            alias: the sender.
            by: who deletes it.
            keep_grant: leave the grant alive at Google.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = find(session, alias)
            sealed, account = row.token_json, row.gmail_account
            if row.service_account:
                sealed = None  # nobody has granted anything
            discarded = delete_row(session, row, by=by, keep_grant=keep_grant)
        if sealed is None:
            grant = Revocation.NO_GRANT
        elif keep_grant:
            grant = Revocation.KEPT
        else:
            grant = self._revoke(alias, account, sealed, by)
        return Deleted(alias=alias, discarded_deliveries=discarded, grant=grant)

    def _revoke(self, alias: str, account: str | None, sealed: str, by: str) -> Revocation:
        try:
            grant = Grant.from_json(self._vault.open(sealed, SENDER_GRANT.at(alias)))
        except (ConfigurationError, DatabaseUnavailable) as exc:  # it cannot be opened
            return self.revocations.record(alias, by, Revocation.FAILED, str(exc))
        return self.revocations.revoke(alias, account, grant, by=by)

    def events(self, alias: str, *, limit: int = 100) -> tuple[SenderEvent, ...]:
        """Return a sender's audit trail, newest first; a deleted sender has one too.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            return read_events(session, alias, limit)

    def _sealed_client(self, credentials_json: str | None, alias: str) -> str | None:
        if credentials_json is None:
            return None
        try:
            client = OAuthClient.from_json(credentials_json, source="The sender's client")
        except ConfigurationError as exc:
            raise InvalidSender(
                exc.message, remedy=exc.remedy, field="credentials_json", alias=alias
            ) from exc
        return self._vault.seal(client.to_json(), SENDER_CLIENT.at(alias))


def _said(value: str | list[str] | None) -> str:
    return (", ".join(value) if isinstance(value, list) else value) or "none"
