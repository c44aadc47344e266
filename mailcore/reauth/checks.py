"""What Google's answer must hold before it is taken, and taking it."""

from datetime import timedelta

from mailcore.clock import now
from mailcore.errors import (
    ConfigurationError,
    ConsentDenied,
    ExchangeFailed,
    PalEMailError,
    PermissionMissing,
    RefreshTokenMissing,
    WrongAccount,
)
from mailcore.google.consent import EMAIL_SCOPE, SEND_SCOPE, SENDING_SCOPES, Exchanged
from mailcore.google.credentials import Grant
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.senders.transitions import AUTHORIZES_TO
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow

_PERMISSIONS = {SEND_SCOPE: "send email on your behalf", EMAIL_SCOPE: "see your email address"}


def consented(alias: str, code: str | None, error: str | None) -> str:
    """Return the code that a consent brought.

    Raises:
        ConsentDenied: there was none.
    """
    if error not in {None, "access_denied"}:
        raise ConsentDenied(
            f"Google broke the consent for sender {alias!r} off ({str(error)[:100]!r}). Its old "
            "grant is untouched; start the re-auth again.",
            google_error=str(error)[:100],
        )
    if error is not None or not code:
        raise ConsentDenied(
            f"Consent for sender {alias!r} was not given. Its old grant is untouched; "
            "start the re-auth again and press Continue.",
            google_error=(error or "no_code")[:100],
        )
    return code


def check_permissions(grant: Grant, alias: str) -> None:
    """People can untick permissions (https://developers.google.com/identity/protocols/oauth2).

    Raises:
        PermissionMissing: one that is needed was left unticked.
    """
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


def check_identity(sender: SenderRow, account: str) -> None:
    """A sender keeps to its account.

    Raises:
        WrongAccount: another one consented.
    """
    if sender.gmail_account is not None and not same_account(sender.gmail_account, account):
        raise WrongAccount(
            f"Sender {sender.alias!r} belongs to {sender.gmail_account}, but {account} consented. "
            f"Start again and choose {sender.gmail_account}.",
            alias=sender.alias,
            expected=sender.gmail_account,
            actual=account,
        )


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


def merged(sender: SenderRow, grant: Grant, vault: Vault) -> Grant:
    """Keep the stored refresh token where Google sent none for the same account.

    Raises:
        RefreshTokenMissing: none is stored, or it may be another account's.
    """
    if grant.refresh_token is not None:
        return grant
    stored = sender.token_json and Grant.from_json(vault.open(sender.token_json))
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


def write_grant(
    sender: SenderRow, sealed: str, exchanged: Exchanged, grant_days: float | None
) -> None:
    """Put a grant into a sender's row; the generation says that it is another one.

    Args:
        sender: the row, locked.
        sealed: the grant, as it is stored.
        exchanged: what the consent brought.
        grant_days: how long grants live where Google does not say, or None.
    """
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


def exchange_error(failure: GoogleFailure, alias: str) -> PalEMailError:
    """Say in our words why the code could not be exchanged."""
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
