"""How a message is to be queued: checks of the arguments that are not its content."""

from datetime import datetime

from mailcore.clock import now
from mailcore.errors import InvalidMessage
from mailcore.message.arguments import QueueOptions
from mailcore.sending.options import check_if_unknown, check_names
from mailcore.values.deliveries import IfUnknown

#: The names of what `queueing_options` takes.
OPTIONS = tuple(QueueOptions.__annotations__)


def queueing_options(
    *,
    thread_id: str | None = None,
    idempotency_key: str | None = None,
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
    if_unknown: str = IfUnknown.ASK,
    allow_fallback: bool = False,
) -> dict[str, object]:
    """Return the options as columns; refuse what cannot be used, before anything happens.

    Raises:
        InvalidMessage: ``field`` says which argument.
    """
    check_names(thread_id, idempotency_key)
    _check_moment(send_at, "send_at")
    _check_moment(expires_at, "expires_at")
    if expires_at is not None and expires_at <= (send_at or now()):
        raise InvalidMessage(
            "The message would expire before it can go out.",
            remedy="Give an expires_at after send_at, and in the future.",
            field="expires_at",
        )
    check_if_unknown(if_unknown)
    return {
        "thread_id": thread_id,
        "idempotency_key": idempotency_key,
        "send_at": send_at,
        "expires_at": expires_at,
        "if_unknown": str(if_unknown),
        "allow_fallback": bool(allow_fallback),
    }


def _check_moment(moment: datetime | None, field: str) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise InvalidMessage(
            f"{field} has no time zone.",
            remedy="Give an aware datetime, such as datetime.now(UTC) + timedelta(hours=1).",
            field=field,
        )
