"""Messages as they are stored with their deliveries, and taken out again to be sent."""

from typing import Any

from mailcore.clock import Deadline
from mailcore.message.compose import ComposedMessage
from mailcore.sending.outgoing import SendRequest
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import MESSAGE


def sealed_message(request: SendRequest, vault: Vault) -> bytes | None:
    """Return the message as it is stored; None where it is no longer at hand."""
    message = request.message
    place = MESSAGE.at(request.alias, message.message_id)
    return vault.seal_bytes(message.raw, place) if message.raw else None


def stored_request(
    row: Any, vault: Vault, deadline: Deadline, *, alias: str | None = None
) -> SendRequest:
    """Return what a row of the delivery table asks to have sent.

    Args:
        row: with its message.
        vault: opens that.
        deadline: when sending it must be over.
        alias: its sender's, where the row's is another's.

    Raises:
        ConfigurationError: the message cannot be opened.
        DatabaseUnavailable: Postgres had to be asked for that, and cannot be reached.
    """
    alias = alias or row.alias
    place = MESSAGE.at(alias, row.message_id)
    return SendRequest(
        alias=alias,
        message=ComposedMessage(
            raw=vault.open_bytes(row.body, place),
            message_id=row.message_id,
            recipients=tuple(row.recipients),
            subject=row.subject,
        ),
        from_name=row.from_name,
        thread_id=row.thread_id,
        idempotency_key=row.idempotency_key,
        deadline=deadline,
    )
