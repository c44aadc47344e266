"""The functions that jobs import: one `Mailcore`, made from the environment at first use."""

from functools import cache
from typing import Any, Literal, Unpack, overload

from mailcore.core import Mailcore
from mailcore.message.arguments import QueueArguments, SendArguments
from mailcore.message.compose import ComposedMessage
from mailcore.values.deliveries import Queued, Sent


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


@overload
def send_email(
    alias: str, *, or_queue: Literal[True], **arguments: Unpack[SendArguments]
) -> Sent | Queued: ...


def send_email(
    alias: str,
    *,
    dry_run: bool = False,
    or_queue: bool = False,
    **arguments: Unpack[SendArguments],
) -> Sent | Queued | ComposedMessage:
    """Send a message through the deployment that the environment describes.

    Arguments, result and errors are those of `mailcore.Mailcore.send_email`.
    """
    if dry_run:
        return default().send_email(alias, dry_run=True, **arguments)
    if or_queue:
        return default().send_email(alias, or_queue=True, **arguments)
    return default().send_email(alias, **arguments)


@overload
async def asend_email(
    alias: str, *, or_queue: Literal[False] = False, **arguments: Unpack[SendArguments]
) -> Sent: ...


@overload
async def asend_email(
    alias: str, *, or_queue: Literal[True], **arguments: Unpack[SendArguments]
) -> Sent | Queued: ...


async def asend_email(
    alias: str, *, or_queue: bool = False, **arguments: Unpack[SendArguments]
) -> Sent | Queued:
    """Send a message without blocking the event loop; as `mailcore.Mailcore.asend_email`."""
    if or_queue:
        return await default().asend_email(alias, or_queue=True, **arguments)
    return await default().asend_email(alias, **arguments)


def queue_email(
    alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
) -> Queued:
    """Queue a message in the deployment that the environment describes.

    Arguments, result and errors are those of `mailcore.Mailcore.queue_email`.
    """
    return default().queue_email(alias, connection=connection, **arguments)


async def aqueue_email(
    alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
) -> Queued:
    """Queue a message without blocking the event loop; as `mailcore.Mailcore.aqueue_email`."""
    return await default().aqueue_email(alias, connection=connection, **arguments)


def access_token(alias: str) -> str:
    """Return a valid access token of a sender, as `mailcore.Mailcore.access_token`."""
    return default().access_token(alias)
