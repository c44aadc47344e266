"""Errors name the sender and the delivery that they are about: not all parts know them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mailcore.errors import MailError, PalEMailError
from mailcore.sending.outgoing import OutgoingMessage


@contextmanager
def errors_name(alias: str) -> Iterator[None]:
    """Name the sender in every error: not all parts below know it."""
    try:
        yield
    except PalEMailError as exc:
        if exc.alias is not None:
            raise
        raise replace(exc, alias=alias) from exc


def about_delivery(exc: PalEMailError, outgoing: OutgoingMessage) -> PalEMailError:
    """Return an error that names the sender, and the delivery where that is recorded."""
    if isinstance(exc, MailError) and outgoing.recorded_as is not None:
        return replace(exc, alias=outgoing.alias, delivery_id=str(outgoing.delivery_id))
    return replace(exc, alias=outgoing.alias)
