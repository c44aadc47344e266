"""How a message is to be sent: checks of the arguments that are not its content."""

import math

from mailcore.errors import InvalidMessage
from mailcore.values.deliveries import IfUnknown

#: Characters that a name given by the caller may have.
_MAX_NAME = 255


def check_options(
    thread_id: str | None, key: str | None, timeout: float, if_unknown: str = IfUnknown.ASK
) -> None:
    """Refuse what cannot be used, before anything happens.

    Raises:
        InvalidMessage: ``field`` says which argument.
    """
    if not 0 < timeout < math.inf:
        raise InvalidMessage(
            f"The timeout is {timeout!r}.",
            remedy="Give a number of seconds above 0.",
            field="timeout",
        )
    check_names(thread_id, key)
    check_if_unknown(if_unknown)


def check_if_unknown(value: str) -> None:
    """Refuse what says neither that a person decides, nor that it is sent again.

    Raises:
        InvalidMessage: it does.
    """
    if value not in set(IfUnknown):
        raise InvalidMessage(
            f"if_unknown must not be {value!r}.",
            remedy='Give "ask" or "resend".',
            field="if_unknown",
        )


def check_names(thread_id: str | None, key: str | None) -> None:
    """Refuse a thread or a key that cannot be one.

    Raises:
        InvalidMessage: ``field`` says which argument.
    """
    if thread_id is not None and not _is_name(thread_id):
        raise InvalidMessage(
            f"The thread id is {thread_id!r}, which is not one of Gmail's.",
            remedy="Give one as in Sent.thread_id. Example: 18f3a0b1c2d3e4f5",
            field="thread_id",
        )
    if key is not None and not _is_name(key):
        raise InvalidMessage(
            f"The idempotency key must have 1 to {_MAX_NAME} printable characters.",
            remedy="Example: disk-2026-11-22",
            field="idempotency_key",
        )


def _is_name(value: str) -> bool:
    return bool(value.strip()) and len(value) <= _MAX_NAME and value.isprintable()
