"""Completing a re-auth: Google's answer goes through the checks in their order, and is stored."""

from datetime import timedelta

from sqlmodel import Session

from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable, PalEMailError, SenderNotFound
from mailcore.google.consent import Consent, Exchanged, GoogleAccount
from mailcore.google.credentials import OAuthClient
from mailcore.google.failures import GoogleFailure
from mailcore.google.scopes import requested_scopes
from mailcore.grants.oauth_clients import OAuthClients, SealedClient
from mailcore.grants.storage import store_access, store_grant
from mailcore.outbox.releasing import release
from mailcore.reauth import offers
from mailcore.reauth.authorization_requests import end_ticket, finish, mark_done, refuse
from mailcore.reauth.checks import (
    check_identity,
    check_permissions,
    consented,
    exchange_error,
    merged,
)
from mailcore.reauth.walks import walk_of
from mailcore.senders.events import event
from mailcore.senders.grant_revocation import GrantRevocations
from mailcore.senders.picture import find, read_sender
from mailcore.settings import Settings
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.store.models import AuthorizationRequestRow, SenderRow
from mailcore.store.sealed_columns import CODE_VERIFIER
from mailcore.store.sessions import driver
from mailcore.values.reauth import Completed
from mailcore.values.senders import AuditEvent


class Completion:
    """Takes in what Google answers to a re-auth.

    Args:
        settings: the grant's life where Google names none.
        database: where requests and grants are.
        vault: seals them.
        clients: finds the OAuth client.
        consent: Google's endpoints.
        revocations: end a grant that comes for a sender that is gone.
    """

    def __init__(  # noqa: PLR0917
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        clients: OAuthClients,
        consent: Consent,
        revocations: GrantRevocations,
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._clients = clients
        self._consent = consent
        self._revocations = revocations

    def take_in(
        self, request: AuthorizationRequestRow, code: str | None, error: str | None
    ) -> Completed:
        """Go through the checks in their order, and keep the first refusal.

        Args:
            request: used up.
            code: the authorization code, if consent was given.
            error: Google's error code, if not.

        Raises:
            PalEMailError: as `Authorizations.complete` says.
        """
        try:
            granted = consented(request.alias, code, error)
            client, drafts = self._asked_by(request.alias)
            scopes = requested_scopes(drafts=drafts)
            exchanged = self._exchange(request, client, granted, scopes)
            check_permissions(exchanged.grant, request.alias, drafts=drafts)
            account = self._consent.account(exchanged, client)
            storing = patiently(DatabaseUnavailable, Deadline(DATABASE_PATIENCE))
            try:
                return storing(self._store, request, exchanged, account)
            except SenderNotFound:  # it was deleted meanwhile: nobody would ever use this grant
                self._revocations.revoke_late(
                    request.alias,
                    account.email,
                    exchanged.grant,
                    asked_at=request.created_at,
                    by=request.requested_by,
                )
                raise
        except DatabaseUnavailable:
            raise  # where nothing can be stored, no refusal can
        except PalEMailError as exc:
            refuse(self._database, request, exc)
            raise

    def _asked_by(self, alias: str) -> tuple[OAuthClient, bool]:
        """Return the client that asks, and whether it asks for drafts."""
        with self._database.session() as session:
            sender = find(session, alias)
            sealed = SealedClient.of_sender(alias, sender.credentials_json)
            return self._clients.of_sender(driver(session), sealed), sender.use_drafts

    def _exchange(
        self,
        request: AuthorizationRequestRow,
        client: OAuthClient,
        code: str,
        scopes: tuple[str, ...],
    ) -> Exchanged:
        try:
            return self._consent.exchange(
                client,
                code=code,
                code_verifier=self._vault.open(
                    request.code_verifier, CODE_VERIFIER.at(request.id, request.alias)
                ),
                redirect_uri=request.redirect_uri,
                scopes=scopes,
            )
        except GoogleFailure as failure:
            raise exchange_error(failure, request.alias) from failure

    def _store(
        self, request: AuthorizationRequestRow, exchanged: Exchanged, account: GoogleAccount
    ) -> Completed:
        with self._database.session() as session:
            sender = find(session, request.alias)
            check_identity(sender, account)
            if sender.gmail_account is None and request.ticket_id is not None:
                return self._keep_offer(session, sender, request, exchanged, account)
            self._store_grant(sender, exchanged)
            offers.forget(sender)
            adopted = None if sender.gmail_account else f"adopted the account {account.email}"
            sender.gmail_account = sender.gmail_account or account.email
            sender.google_sub = account.sub
            session.add(
                event(
                    sender.alias,
                    AuditEvent.REAUTHORIZED,
                    who=request.requested_by,
                    detail=adopted,
                )
            )
            finish(session, request)
            session.flush()
            released = release(session.connection(), sender.alias)
            return Completed(
                authorization_id=str(request.id),
                sender=read_sender(session.connection(), sender.alias),
                walk=walk_of(request),
                requested_by=request.requested_by,
                released=released,
            )

    def _keep_offer(
        self,
        session: Session,
        sender: SenderRow,
        request: AuthorizationRequestRow,
        exchanged: Exchanged,
        account: GoogleAccount,
    ) -> Completed:
        """Keep what whoever has the link brought, for an admin to confirm."""
        grant = merged(sender, exchanged.grant, self._vault)
        expires_at = offers.end_of(self._lasts(exchanged))
        offer = offers.Offer(account=account, grant=grant, expires_at=expires_at)
        offers.keep(sender, offer, self._vault)
        who, what = request.requested_by, AuditEvent.ACCOUNT_OFFERED
        session.add(event(sender.alias, what, who=who, detail=account.email))
        mark_done(session, request)
        end_ticket(session, request.ticket_id)
        session.flush()
        return Completed(
            authorization_id=str(request.id),
            sender=read_sender(session.connection(), sender.alias),
            walk=walk_of(request),
            requested_by=request.requested_by,
            released=0,
        )

    def _store_grant(self, sender: SenderRow, exchanged: Exchanged) -> None:
        grant = merged(sender, exchanged.grant, self._vault)
        if exchanged.grant.refresh_token is None:
            store_access(sender, grant, vault=self._vault)
            return
        store_grant(sender, grant, vault=self._vault, lasts=self._lasts(exchanged))

    def _lasts(self, exchanged: Exchanged) -> timedelta | None:
        grant_days = self._settings.grant_days
        return exchanged.lasts or (timedelta(days=grant_days) if grant_days else None)
