"""The functions that jobs import: one `Mailcore`, made from the environment at first use."""

from functools import cache
from typing import Literal, Unpack, overload

from mailcore.core import Mailcore
from mailcore.message.arguments import SendArguments
from mailcore.message.compose import ComposedMessage
from mailcore.values.deliveries import Sent


@cache
def default() -> Mailcore:
    """Return the deployment that the environment describes.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    return Mailcore()


@overload
def send_email(
    alias: str, *, dry_run: Literal[False] = False, **arguments: Unpack[SendArguments]
) -> Sent: ...


@overload
def send_email(
    alias: str, *, dry_run: Literal[True], **arguments: Unpack[SendArguments]
) -> ComposedMessage: ...


def send_email(
    alias: str, *, dry_run: bool = False, **arguments: Unpack[SendArguments]
) -> Sent | ComposedMessage:
    """Send a message through the deployment that the environment describes.

    Arguments, result and errors are those of `mailcore.Mailcore.send_email`.
    """
    if dry_run:
        return default().send_email(alias, dry_run=True, **arguments)
    return default().send_email(alias, **arguments)


async def asend_email(alias: str, **arguments: Unpack[SendArguments]) -> Sent:
    """Send a message without blocking the event loop; as `mailcore.Mailcore.asend_email`."""
    return await default().asend_email(alias, **arguments)


def access_token(alias: str) -> str:
    """Return a valid access token of a sender, as `mailcore.Mailcore.access_token`."""
    return default().access_token(alias)
