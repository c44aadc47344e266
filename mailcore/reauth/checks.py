"""What Google's response must hold before it is accepted."""

from dataclasses import replace

from mailcore.errors import (
    ConfigurationError,
    ConsentDenied,
    ExchangeFailed,
    PalEMailError,
    PermissionMissing,
    RefreshTokenMissing,
    WrongAccount,
)
from mailcore.google.consent import GoogleAccount
from mailcore.google.credentials import Grant
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.scopes import COMPOSE_SCOPE, EMAIL_SCOPE, SEND_SCOPE, SENDING_SCOPES
from mailcore.senders.accounts import same_account
from mailcore.status import RefusedBy
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow
from mailcore.store.sealed_columns import SENDER_GRANT

_UNTOUCHED = "Its old grant is unchanged."
_PERMISSIONS = {
    SEND_SCOPE: "send email on your behalf",
    COMPOSE_SCOPE: "manage drafts and send emails",
    EMAIL_SCOPE: "see your email address",
}


def consented(alias: str, code: str | None, error: str | None) -> str:
    """Return the code that a consent brought.

    Raises:
        ConsentDenied: there was none.
    """
    if error not in {None, "access_denied"}:
        raise ConsentDenied(
            f"Google ended the consent for sender {alias!r} with an error ({str(error)[:100]!r}). "
            f"{_UNTOUCHED}",
            remedy="Start the re-auth again.",
            alias=alias,
            google_error=str(error)[:100],
        )
    if error is not None or not code:
        raise ConsentDenied(
            f"Consent for sender {alias!r} was not given. {_UNTOUCHED}",
            remedy="Start the re-auth again and click Continue.",
            alias=alias,
            google_error=(error or "no_code")[:100],
        )
    return code


def check_permissions(grant: Grant, alias: str, *, drafts: bool) -> None:
    """People can untick permissions (https://developers.google.com/identity/protocols/oauth2).

    Args:
        grant: what they have granted.
        alias: to this sender.
        drafts: whether it sends its mail as drafts. If it may only send, it does that: this was
            asked for after the consent began.

    Raises:
        PermissionMissing: one that is needed was left unticked.
    """
    missing = set()
    if not SENDING_SCOPES & set(grant.scopes):
        missing.add(COMPOSE_SCOPE if drafts else SEND_SCOPE)
    if not {EMAIL_SCOPE, "email"} & set(grant.scopes):
        missing.add(EMAIL_SCOPE)
    if missing:
        wanted = " and ".join(sorted(_PERMISSIONS[scope] for scope in missing))
        raise PermissionMissing(
            f"The permission to {wanted} was left unticked for sender {alias!r}.",
            remedy="Start the re-auth again and tick every box.",
            alias=alias,
            missing=frozenset(missing),
        )


def check_identity(sender: SenderRow, account: GoogleAccount) -> None:
    """A sender keeps to its account, by its address and by what Google calls it.

    https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload

    Raises:
        WrongAccount: another one consented.
    """
    expected = sender.gmail_account
    if expected is None:
        return
    if not same_account(expected, account.email):
        raise WrongAccount(
            f"Sender {sender.alias!r} belongs to {expected}, but {account.email} consented.",
            remedy=f"Start again and choose {expected}.",
            alias=sender.alias,
            expected=expected,
            actual=account.email,
        )
    if sender.google_sub not in {None, account.sub}:
        raise WrongAccount(
            f"{account.email} now belongs to a different Google account than the one that sender "
            f"{sender.alias!r} was authorised with. If that is intended, delete the sender and "
            "register it again.",
            alias=sender.alias,
            expected=expected,
            actual=account.email,
        )


def merged(sender: SenderRow, grant: Grant, vault: Vault) -> Grant:
    """Keep the stored refresh token where Google sent none for the same account.

    Raises:
        RefreshTokenMissing: none is stored, Google refuses it, or it may be another account's.
    """
    if grant.refresh_token is not None:
        return grant
    stored = sender.token_json and Grant.from_json(
        vault.open(sender.token_json, SENDER_GRANT.at(sender.alias))
    )
    refused = sender.refused_by is RefusedBy.TOKEN_ENDPOINT
    if not stored or not stored.refresh_token or refused or sender.gmail_account is None:
        raise RefreshTokenMissing(
            f"Google sent no refresh token for sender {sender.alias!r}, and no working one is "
            "stored.",
            remedy="Remove this app's access at myaccount.google.com/connections, then start "
            "again.",
            alias=sender.alias,
        )
    return replace(grant, refresh_token=stored.refresh_token)


def exchange_error(failure: GoogleFailure, alias: str) -> PalEMailError:
    """Say in our words why the code could not be exchanged."""
    # RFC 6749 section 5.2: here, unlike at a renewal, it is not about one grant.
    if failure.kind is FailureKind.CONFIGURATION or failure.reason == "unauthorized_client":
        return ConfigurationError(
            f"Google refuses the OAuth client ({failure}). No sender is at fault.",
            remedy="Check the client id, the secret and the redirect URI on the Setup page.",
            alias=alias,
        )
    if failure.kind in {FailureKind.TEMPORARY, FailureKind.RATE}:
        return ExchangeFailed(
            f"Google could not finish the re-auth of sender {alias!r} just now ({failure.text}). "
            f"{_UNTOUCHED}",
            remedy="Start again in a minute.",
            alias=alias,
            temporary=True,
        )
    return ExchangeFailed(
        f"Google did not accept the response for sender {alias!r} ({failure}). {_UNTOUCHED}",
        remedy="Start the re-auth again.",
        alias=alias,
        temporary=False,
    )
