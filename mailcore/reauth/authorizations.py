"""Re-auths, from the link to the outcome."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlmodel import Session

from mailcore.clock import now
from mailcore.errors import PalEMailError
from mailcore.google.consent import Consent
from mailcore.google.scopes import requested_scopes
from mailcore.grants.oauth_clients import OAuthClients, SealedClient
from mailcore.reauth.authorization_requests import (
    LINK_LIFETIME,
    check_may_begin_again,
    consume,
    forget_old,
    hashed,
    ticket_end,
)
from mailcore.reauth.completion import Completion
from mailcore.reauth.progress import find_request, read_progress, read_unfinished
from mailcore.reauth.walks import columns_of, next_of, walk_of
from mailcore.senders.picture import find
from mailcore.senders.registry import SenderRegistry
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import AuthorizationRequestRow
from mailcore.store.sealed_columns import CODE_VERIFIER
from mailcore.store.sessions import driver
from mailcore.values.reauth import Authorization, AuthorizationProgress, Completed, RenewalWalk


class Authorizations:
    """Re-auths, from the link to the stored grant.

    Args:
        settings: the callback's address, and the grant's life where Google names none.
        database: where requests and grants are.
        vault: seals them.
        clients: finds the OAuth client.
        consent: Google's endpoints.
        senders: finds who is due next.
    """

    def __init__(  # noqa: PLR0917
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        clients: OAuthClients,
        consent: Consent,
        senders: SenderRegistry,
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._clients = clients
        self._consent = consent
        self._senders = senders
        self._completion = Completion(
            settings, database, vault, clients, consent, senders.revocations
        )

    def begin(
        self,
        alias: str,
        *,
        by: str,
        choose_account: bool = False,
        walk: RenewalWalk | None = None,
    ) -> Authorization:
        """Begin a re-auth: make a link that works once, for ten minutes.

        Args:
            alias: the sender.
            by: who begins it.
            choose_account: show Google's account chooser first, after a wrong account.
            walk: the run of *Renew all due* that it is part of, or None.

        Raises:
            SenderNotFound: no sender has that alias.
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            return self.begin_in(session, alias, by=by, choose_account=choose_account, walk=walk)

    def begin_in(
        self,
        session: Session,
        alias: str,
        *,
        by: str,
        choose_account: bool = False,
        walk: RenewalWalk | None = None,
        ticket_id: int | None = None,
        retries: int = 0,
        until: datetime | None = None,
    ) -> Authorization:
        """Like `begin`, in the caller's transaction: the link counts only if that commits.

        Args:
            session: of that transaction.
            alias: the sender.
            by: who begins it.
            choose_account: show Google's account chooser first.
            walk: the run of *Renew all due* that it is part of, or None.
            ticket_id: the ticket that it comes from, or None.
            retries: how many refused attempts it follows.
            until: when the link ends, if that is sooner than in ten minutes.
        """
        state = secrets.token_urlsafe(32)
        sender = find(session, alias)
        link = self._consent.consent_link(
            self._clients.of_sender(
                driver(session), SealedClient.of_sender(alias, sender.credentials_json)
            ),
            redirect_uri=self._settings.redirect_uri,
            state=state,
            account=sender.gmail_account,
            choose_account=choose_account,
            scopes=requested_scopes(drafts=sender.use_drafts),
        )
        request_id = uuid4()
        request = AuthorizationRequestRow(
            id=request_id,
            state_hash=hashed(state),
            alias=alias,
            code_verifier=self._vault.seal(link.code_verifier, CODE_VERIFIER.at(request_id, alias)),
            redirect_uri=self._settings.redirect_uri,
            requested_by=by,
            **columns_of(walk),
            ticket_id=ticket_id,
            retries=retries,
            expires_at=min(filter(None, (now() + LINK_LIFETIME, until))),
        )
        forget_old(session)
        session.add(request)
        return Authorization(
            id=str(request.id),
            alias=alias,
            gmail_account=sender.gmail_account,
            url=link.url,
            expires_at=request.expires_at,
        )

    def begin_again(self, authorization_id: str, *, choose_account: bool) -> Authorization:
        """Begin a refused re-auth again, for the same person.

        This works a few times, and only until the ticket that it came from expires.

        Args:
            authorization_id: the refused one's.
            choose_account: show Google's account chooser first, after a wrong account.

        Raises:
            LinkInvalid: there is no such re-auth.
            LinkUsed: it was begun again too often, or another link has re-authorised the sender.
            LinkExpired: the ticket that it came from has expired.
            SenderNotFound: the sender was deleted meanwhile.
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            refused = find_request(session, authorization_id)
            check_may_begin_again(session, refused)
            ticket_id = refused.ticket_id
            until = None if ticket_id is None else ticket_end(session, ticket_id)
            return self.begin_in(
                session,
                refused.alias,
                by=refused.requested_by,
                choose_account=choose_account,
                walk=walk_of(refused),
                ticket_id=ticket_id,
                retries=refused.retries + 1,
                until=until,
            )

    def next_due(
        self, *, by: str, walk: RenewalWalk | None = None, again: bool = True
    ) -> Authorization | None:
        """Begin the re-auth of the next sender of a walk, if one is left.

        A sender whose re-auth this person was just refused comes last, so that a mailbox that
        cannot be renewed doesn't hold up the others.

        Args:
            by: who begins it.
            walk: which senders are due; None begins a new one, of those that are due now.
            again: whether those that were refused follow after all others.

        Raises:
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        walk = walk or RenewalWalk()
        alias = next_of(walk, by=by, again=again, database=self._database, senders=self._senders)
        return self.begin(alias, by=by, walk=walk) if alias else None

    def complete(self, *, state: str | None, code: str | None, error: str | None) -> Completed:
        """Process Google's response. A refusal leaves the old grant untouched.

        Args:
            state: as it came back.
            code: the authorization code, if consent was given.
            error: Google's error code, if not.

        Raises:
            LinkInvalid: that state was never issued.
            LinkExpired: it was not followed in time.
            LinkUsed: it has been used before.
            ConsentDenied: Cancel was pressed.
            ExchangeFailed: the token endpoint refused, or could not be reached.
            PermissionMissing: a required permission was left unticked.
            IdentityMissing: the response does not prove who consented.
            WrongAccount: another account consented.
            RefreshTokenMissing: there is none, new or stored.
            ConfigurationError: Google refuses the OAuth client.
            SenderNotFound: the sender was deleted meanwhile.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        request = consume(self._database, state)
        try:
            return self._completion.take_in(request, code, error)
        except PalEMailError as exc:
            raise replace(exc, alias=request.alias, authorization_id=str(request.id)) from exc

    def progress(self, authorization_id: str) -> AuthorizationProgress:
        """Say how far a re-auth has come.

        Args:
            authorization_id: as `begin` returned it.

        Raises:
            LinkInvalid: there is no such re-auth, or its sender was deleted.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            return read_progress(session, authorization_id)

    def unfinished(self, aliases: Collection[str]) -> dict[str, AuthorizationProgress]:
        """Return the newest re-auth of each sender that has had no new grant since.

        Those that were begun more than an hour ago tell nobody anything.

        Args:
            aliases: the senders.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            return read_unfinished(session, aliases)
