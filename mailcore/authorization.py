"""Beginning and completing a re-auth. Every check has its place in the order; see `complete`."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from mailcore.clients import Clients
from mailcore.clock import now
from mailcore.credentials import Grant, OAuthClient
from mailcore.database import Database, changed_rows
from mailcore.encryption import Vault
from mailcore.errors import (
    AuthorizationError,
    ConfigurationError,
    ConsentDenied,
    DatabaseUnavailable,
    ExchangeFailed,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    PalEMailError,
    PermissionMissing,
    RefreshTokenMissing,
    SenderNotFound,
    WrongAccount,
)
from mailcore.google.consent import (
    EMAIL_SCOPE,
    SEND_SCOPE,
    SENDING_SCOPES,
    Consent,
    Exchanged,
)
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.models import AuthorizationRequestRow, DeliveryRow, SenderRow
from mailcore.moves import AUTHORIZES_TO, event
from mailcore.senders import Senders, find, view
from mailcore.settings import Settings
from mailcore.views import (
    Authorization,
    AuthorizationOutcome,
    AuthorizationProgress,
    Completed,
    DeliveryStatus,
)

#: How long a link to Google works.
LINK_LIFETIME = timedelta(minutes=10)
#: A callback that stored no outcome within this time was cut off.
_CUT_OFF_AFTER = timedelta(minutes=1)
_CUT_OFF = "The answer from Google was not taken in to the end. Start the re-auth again."


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
        clients: Clients,
        consent: Consent,
        senders: Senders,
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._clients = clients
        self._consent = consent
        self._senders = senders

    def begin(
        self, alias: str, *, by: str, choose_account: bool = False, renewing_all: bool = False
    ) -> Authorization:
        """Begin a re-auth: make a link that works once, for ten minutes.

        Args:
            alias: the sender.
            by: who begins it.
            choose_account: show Google's account chooser first, after a wrong account.
            renewing_all: it is part of a walk through everything that is due.

        Raises:
            SenderNotFound: no sender has that alias.
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        state = secrets.token_urlsafe(32)
        with self._database.transaction() as session:
            sender = find(session, alias)
            link = self._consent.consent_link(
                self._clients.of_sender(session, sender.credentials_json),
                redirect_uri=self._settings.redirect_uri,
                state=state,
                account=sender.gmail_account,
                choose_account=choose_account,
            )
            request = AuthorizationRequestRow(
                state_hash=hashed(state),
                alias=alias,
                code_verifier=self._vault.seal(link.code_verifier),
                redirect_uri=self._settings.redirect_uri,
                requested_by=by,
                renewing_all=renewing_all,
                expires_at=now() + LINK_LIFETIME,
            )
            session.add(request)
        return Authorization(
            id=str(request.id),
            alias=alias,
            gmail_account=sender.gmail_account,
            url=link.url,
            expires_at=request.expires_at,
        )

    def next_due(self, *, by: str) -> Authorization | None:
        """Begin the re-auth of the next sender that is expiring or expired, if there is one.

        Raises:
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        due = self._senders.page(status="due", limit=1).senders
        return self.begin(due[0].alias, by=by, renewing_all=True) if due else None

    def complete(self, *, state: str | None, code: str | None, error: str | None) -> Completed:
        """Take in Google's answer. A refusal leaves the old grant untouched.

        Args:
            state: as it came back.
            code: the authorization code, if consent was given.
            error: Google's error code, if not.

        Raises:
            LinkInvalid: nobody was given that state.
            LinkExpired: it was not followed in time.
            LinkUsed: it was answered before.
            ConsentDenied: Cancel was pressed.
            ExchangeFailed: the token endpoint refused, or could not be reached.
            PermissionMissing: a needed permission was unticked.
            IdentityMissing: the answer does not prove who consented.
            WrongAccount: another account consented.
            RefreshTokenMissing: there is none, new or stored.
            ConfigurationError: Google refuses the OAuth client.
            SenderNotFound: the sender was deleted meanwhile.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        request = self._consume(state)
        try:
            consented = _consented(request, code, error)
            client = self._client_of(request.alias)
            exchanged = self._exchange(request, client, consented)
            _check_permissions(exchanged.grant, request.alias)
            account = self._consent.account(exchanged, client)
            return self._store(request, exchanged, account)
        except DatabaseUnavailable:
            raise  # where nothing can be stored, no refusal can
        except PalEMailError as exc:
            exc.alias = request.alias
            exc.authorization_id = str(request.id)
            self._refuse(request, exc)
            raise

    def progress(self, authorization_id: str) -> AuthorizationProgress:
        """Say how far a re-auth has come.

        Args:
            authorization_id: as `begin` returned it.

        Raises:
            LinkInvalid: there is no such re-auth, or its sender was deleted.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        try:
            key = UUID(authorization_id)
        except ValueError as exc:
            raise LinkInvalid("There is no such re-auth. Start a new one.") from exc
        with self._database.transaction() as session:
            request = session.get(AuthorizationRequestRow, key)
            if request is None:
                raise LinkInvalid("There is no such re-auth. Start a new one.")
            account = session.exec(
                select(SenderRow.gmail_account).where(SenderRow.alias == request.alias)
            ).first()
        outcome, code, detail = _outcome(request)
        return AuthorizationProgress(
            authorization_id=authorization_id,
            alias=request.alias,
            gmail_account=account,
            outcome=outcome,
            code=code,
            detail=detail,
            renewing_all=request.renewing_all,
            requested_by=request.requested_by,
        )

    def _consume(self, state: str | None) -> AuthorizationRequestRow:
        """Find the request by its state and use it up: of two callbacks, one gets it."""
        with self._database.transaction() as session:
            request = session.exec(
                select(AuthorizationRequestRow).where(
                    AuthorizationRequestRow.state_hash == hashed(state or "")
                )
            ).first()
            if request is None:
                raise LinkInvalid(
                    "This link was not made here, or its sender was deleted. Start the re-auth "
                    "from the senders page."
                )
            if request.expires_at <= now():
                raise _about(
                    request,
                    LinkExpired(
                        f"The link for sender {request.alias!r} was good for ten minutes. Start "
                        "the re-auth again.",
                        alias=request.alias,
                    ),
                )
            consumed = changed_rows(
                session,
                update(AuthorizationRequestRow)
                .where(
                    col(AuthorizationRequestRow.id) == request.id,
                    col(AuthorizationRequestRow.consumed_at).is_(None),
                )
                .values(consumed_at=now()),
            )
            if consumed != 1:
                raise _about(
                    request,
                    LinkUsed(
                        f"The link for sender {request.alias!r} was used already. If it is not "
                        "healthy now, start the re-auth again.",
                        alias=request.alias,
                    ),
                )
            return request

    def _client_of(self, alias: str) -> OAuthClient:
        with self._database.transaction() as session:
            return self._clients.of_sender(session, find(session, alias).credentials_json)

    def _exchange(
        self, request: AuthorizationRequestRow, client: OAuthClient, code: str
    ) -> Exchanged:
        try:
            return self._consent.exchange(
                client,
                code=code,
                code_verifier=self._vault.open(request.code_verifier),
                redirect_uri=request.redirect_uri,
            )
        except GoogleFailure as failure:
            raise _exchange_error(failure, request.alias) from failure

    def _store(
        self, request: AuthorizationRequestRow, exchanged: Exchanged, account: str
    ) -> Completed:
        with self._database.transaction() as session:
            sender = find(session, request.alias)
            _check_identity(sender, account)
            grant = self._merged(sender, exchanged.grant)
            sender.gmail_account = sender.gmail_account or account
            _write_grant(
                sender, self._vault.seal(grant.to_json()), exchanged, self._settings.grant_days
            )
            session.add(event(sender.alias, "reauthorized", who=request.requested_by))
            released = _release_held(session, sender.alias)
            session.execute(
                update(AuthorizationRequestRow)
                .where(col(AuthorizationRequestRow.id) == request.id)
                .values(outcome=AuthorizationOutcome.DONE)
            )
            session.flush()
            return Completed(
                authorization_id=str(request.id),
                sender=view(session, sender),
                renewing_all=request.renewing_all,
                requested_by=request.requested_by,
                released=released,
            )

    def _merged(self, sender: SenderRow, grant: Grant) -> Grant:
        """Keep the stored refresh token where Google sent none for the same account."""
        if grant.refresh_token is not None:
            return grant
        stored = sender.token_json and Grant.from_json(self._vault.open(sender.token_json))
        if not stored or not stored.refresh_token or sender.gmail_account is None:
            raise RefreshTokenMissing(
                f"Google sent no refresh token for sender {sender.alias!r}, and none is stored. "
                "Remove this app's access at myaccount.google.com/permissions, then start again.",
                alias=sender.alias,
            )
        return Grant(
            refresh_token=stored.refresh_token,
            access_token=grant.access_token,
            access_expires_at=grant.access_expires_at,
            scopes=grant.scopes,
        )

    def _refuse(self, request: AuthorizationRequestRow, exc: PalEMailError) -> None:
        with self._database.transaction() as session:
            session.execute(
                update(AuthorizationRequestRow)
                .where(col(AuthorizationRequestRow.id) == request.id)
                .values(
                    outcome=AuthorizationOutcome.REFUSED,
                    refusal_code=exc.code,
                    refusal_text=str(exc),
                )
            )
            if not isinstance(exc, SenderNotFound):
                detail = f"{exc.code}: {exc}"
                session.add(
                    event(request.alias, "reauth refused", who=request.requested_by, detail=detail)
                )


def hashed(secret: str) -> str:
    """Return what is stored of a state or a ticket, in hex: of 256 random bits, SHA-256 will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_account(one: str, other: str) -> bool:
    """Say whether two addresses are one Google account.

    Case never matters; at gmail.com, also called googlemail.com, neither do dots, nor what
    follows a plus sign (https://support.google.com/mail/answer/7436150).
    """
    return _canonical(one) == _canonical(other)


def _canonical(address: str) -> str:
    local, _, domain = address.strip().lower().rpartition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        return local.partition("+")[0].replace(".", "") + "@gmail.com"
    return f"{local}@{domain}"


def _about(request: AuthorizationRequestRow, exc: AuthorizationError) -> AuthorizationError:
    exc.authorization_id = str(request.id)
    return exc


def _consented(request: AuthorizationRequestRow, code: str | None, error: str | None) -> str:
    if error is not None or not code:
        raise ConsentDenied(
            f"Consent for sender {request.alias!r} was not given. Its old grant is untouched; "
            "start the re-auth again and press Allow.",
            google_error=(error or "no_code")[:100],
        )
    return code


def _check_permissions(grant: Grant, alias: str) -> None:
    """People can untick permissions (https://developers.google.com/identity/protocols/oauth2)."""
    missing = set()
    if not SENDING_SCOPES & set(grant.scopes):
        missing.add(SEND_SCOPE)
    if not {EMAIL_SCOPE, "email"} & set(grant.scopes):
        missing.add(EMAIL_SCOPE)
    if missing:
        wanted = " and ".join(sorted(_PERMISSIONS[scope] for scope in missing))
        raise PermissionMissing(
            f"The permission to {wanted} was left unticked for sender {alias!r}. Start the re-auth "
            "again and tick every box.",
            alias=alias,
            missing=frozenset(missing),
        )


_PERMISSIONS = {SEND_SCOPE: "send email on your behalf", EMAIL_SCOPE: "see your email address"}


def _check_identity(sender: SenderRow, account: str) -> None:
    if sender.gmail_account is not None and not same_account(sender.gmail_account, account):
        raise WrongAccount(
            f"Sender {sender.alias!r} belongs to {sender.gmail_account}, but {account} consented. "
            f"Start again and choose {sender.gmail_account}.",
            alias=sender.alias,
            expected=sender.gmail_account,
            actual=account,
        )


def _write_grant(
    sender: SenderRow, sealed: str, exchanged: Exchanged, grant_days: float | None
) -> None:
    at = now()
    lasts = exchanged.lasts or (timedelta(days=grant_days) if grant_days else None)
    sender.token_json = sealed
    sender.generation += 1
    sender.granted_scopes = list(exchanged.grant.scopes)
    sender.grant_issued_at = at
    sender.grant_expires_at = at + lasts if lasts else None
    sender.status = AUTHORIZES_TO
    sender.status_reason = None
    sender.status_changed_at = sender.updated_at = sender.last_refreshed_at = at
    sender.last_error_code = sender.last_error_text = sender.last_error_at = None


def _release_held(session: Session, alias: str) -> int:
    return changed_rows(
        session,
        update(DeliveryRow)
        .where(col(DeliveryRow.alias) == alias, col(DeliveryRow.status) == DeliveryStatus.HELD)
        .values(status=DeliveryStatus.QUEUED, updated_at=now()),
    )


def _exchange_error(failure: GoogleFailure, alias: str) -> PalEMailError:
    if failure.kind is FailureKind.CONFIGURATION:
        return ConfigurationError(
            f"Google refuses the OAuth client ({failure}). No sender is at fault: check the client "
            "id, the secret and the redirect URI on the Setup page.",
            alias=alias,
        )
    if failure.kind in {FailureKind.TEMPORARY, FailureKind.RATE}:
        return ExchangeFailed(
            f"Google could not finish the re-auth of sender {alias!r} just now ({failure.text}). "
            "Its old grant is untouched. Start again in a minute.",
            alias=alias,
            temporary=True,
        )
    return ExchangeFailed(
        f"Google did not accept the answer for sender {alias!r} ({failure}). Its old grant is "
        "untouched. Start the re-auth again.",
        alias=alias,
        temporary=False,
    )


def _outcome(
    request: AuthorizationRequestRow,
) -> tuple[AuthorizationOutcome, str | None, str | None]:
    if request.outcome is not AuthorizationOutcome.WAITING:
        return request.outcome, request.refusal_code, request.refusal_text
    if request.consumed_at is not None and request.consumed_at < now() - _CUT_OFF_AFTER:
        return AuthorizationOutcome.REFUSED, "cut_off", _CUT_OFF
    if request.consumed_at is None and request.expires_at <= now():
        return AuthorizationOutcome.EXPIRED, LinkExpired.code, "The link ran out unused."
    return AuthorizationOutcome.WAITING, None, None
