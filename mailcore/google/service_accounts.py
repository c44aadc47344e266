"""Service accounts: in a Workspace they get access to mailboxes, and nobody has to consent.

The Workspace's admin allows a service account that once, for a scope (domain-wide delegation).
Sources: https://developers.google.com/identity/protocols/oauth2/service-account#httprest, and
RFC 7523.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from mailcore.clock import now
from mailcore.errors import ConfigurationError
from mailcore.google.failures import FailureKind, GoogleFailure

_DOWNLOAD = (
    "In Google's console, open IAM & Admin, Service Accounts, the account, Keys, Add key, and "
    "download the key as JSON."
)
#: How far in the past an assertion begins: clocks differ.
_LEEWAY = timedelta(minutes=1)
#: How long it counts. It is used at once.
_LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account's key, as Google's console hands it out.

    Attributes:
        client_email: the service account's address.
        client_id: by which the Workspace's admin allows it to act for mailboxes.
        private_key_id: Google's name for the key.
        private_key: the key itself, in PEM.
    """

    client_email: str
    client_id: str
    private_key_id: str
    private_key: str = field(repr=False)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Self:
        """Read a key file.

        Args:
            text: the file's content.
            source: where it is from, for the error's text.

        Raises:
            ConfigurationError: it is not such a file, or its key cannot be used.
        """
        try:
            document: Any = json.loads(text)
            names = ("client_email", "client_id", "private_key_id", "private_key")
            found = cls(**{name: _text(document[name]) for name in names})
            found.assertion(mailbox="nobody@example.com", scopes=(), audience="")
        except (ValueError, TypeError, KeyError) as exc:
            raise ConfigurationError(
                f"{source} is not the key of a service account.", remedy=_DOWNLOAD
            ) from exc
        return found

    def to_json(self) -> str:
        """Return the stored form, which is also a part of Google's download form."""
        return json.dumps(
            {
                "type": "service_account",
                "client_email": self.client_email,
                "client_id": self.client_id,
                "private_key_id": self.private_key_id,
                "private_key": self.private_key,
            }
        )

    def assertion(self, *, mailbox: str, scopes: Sequence[str], audience: str) -> str:
        """Return what the token endpoint gives an access token for: a signed JWT.

        Args:
            mailbox: whose access token it asks for.
            scopes: what that shall allow.
            audience: the token endpoint.
        """
        from google.auth import crypt, jwt  # noqa: PLC0415 - no other sender needs them

        signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
            self.private_key, self.private_key_id
        )
        begins = now() - _LEEWAY
        claims = {
            "iss": self.client_email,
            "sub": mailbox,
            "scope": " ".join(scopes),
            "aud": audience,
            "iat": int(begins.timestamp()),
            "exp": int((begins + _LEEWAY + _LASTS).timestamp()),
        }
        token: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
        return token.decode("ascii")


#: What the token endpoint says against a service account, its key or its delegation.
_REFUSALS = frozenset(
    {"access_denied", "deleted_client", "disabled_client", "invalid_client", "invalid_scope"}
)
_CLOCK = re.compile(r"reasonable timeframe", re.IGNORECASE)
#: Our reason for what Google says against a service account.
REFUSED = "service_account"


def judged(failure: GoogleFailure, account: ServiceAccount, scopes: Sequence[str]) -> GoogleFailure:
    """Return what a refusal by the token endpoint means for a sender with a service account.

    No re-auth helps: the Workspace's admin has to allow it, or the key is not valid any more. So
    it is the account that is refused, whatever Google calls it.

    Args:
        failure: as for any other sender.
        account: whose key it was.
        scopes: what it asked for.
    """
    if _CLOCK.search(failure.text):
        text = f"{failure.text} Is this machine's clock right?"
        return GoogleFailure(FailureKind.TEMPORARY, failure.reason, text)
    refused = failure.kind in {FailureKind.GRANT, FailureKind.ACCOUNT}
    if not refused and failure.reason not in _REFUSALS:
        return failure
    asked = f"client ID {account.client_id}, scope {' '.join(scopes)}"
    return GoogleFailure(FailureKind.ACCOUNT, REFUSED, f"{str(failure).rstrip('.')}; {asked}")


def refused_by_gmail(failure: GoogleFailure) -> GoogleFailure:
    """Return what it means that Gmail refuses an access token that a service account got."""
    return GoogleFailure(FailureKind.ACCOUNT, REFUSED, str(failure))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("this is no text")
    return value
