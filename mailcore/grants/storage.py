"""Storing a grant, wherever it came from."""

from datetime import timedelta

from mailcore.clock import now
from mailcore.google.credentials import Grant
from mailcore.status import TRANSITIONS, Trigger
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow
from mailcore.store.sealed_columns import SENDER_GRANT


def store_grant(
    sender: SenderRow,
    grant: Grant,
    *,
    vault: Vault,
    lasts: timedelta | None,
    client_json: str | None = None,
    service_account: str | None = None,
) -> None:
    """Put a new grant into a sender's row; the generation says that it is another one.

    Args:
        sender: the row, locked.
        grant: with its refresh token, unless a service account's key takes its place.
        vault: seals it.
        lasts: how long Google lets it live, from now; None where no end is known.
        client_json: the client that renews it, or the service account's key, sealed; None where
            the sender's client does.
        service_account: the service account's address, where it is one that renews it.
    """
    at = now()
    sender.grant_issued_at = at
    sender.grant_expires_at = at + lasts if lasts else None
    sender.grant_client_json = client_json
    sender.service_account = service_account
    store_access(sender, grant, vault=vault)


def store_access(sender: SenderRow, grant: Grant, *, vault: Vault) -> None:
    """Store what a consent gave where Google kept to the grant that there is.

    When that was issued, when it ends and who renews it stay as they are. The arguments are
    those of `store_grant`.
    """
    at = now()
    sender.token_json = vault.seal(grant.to_json(), SENDER_GRANT.at(sender.alias))
    sender.generation += 1
    sender.granted_scopes = list(grant.scopes)
    sender.status = TRANSITIONS[Trigger.GRANT_STORED].target
    sender.status_reason = sender.refused_by = sender.refused_at = None
    sender.status_changed_at = sender.updated_at = at
    sender.last_refreshed_at = at if grant.fresh else None
    sender.last_error_code = sender.last_error_text = sender.last_error_at = None
    # What the old grant ran into says nothing of this one: its queue goes on at once.
    sender.next_send_at = None
