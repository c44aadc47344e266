"""The JSON API's messages: queue or send one, see what became of it, and decide."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.responses import Response

from callback.api import alias_of
from callback.endpoint import Call, json_response
from callback.message_schemas import (
    DeliveryList,
    DeliveryQuery,
    File,
    NewMessage,
    SendingQuery,
)
from callback.problems import RequestRefused
from mailcore import (
    Attachment,
    Delivery,
    DeliveryNotFound,
    DeliveryNotSettleable,
    DeliveryPosition,
    Mailcore,
)

#: What only a queued message can have.
_FOR_LATER = ("send_at", "expires_at", "allow_fallback")


class MessageApi:
    """The handlers, each a plain function of a call.

    Args:
        core: does the work.
    """

    def __init__(self, core: Mailcore) -> None:
        self._core = core

    def post(self, call: Call) -> Response:
        """``POST /senders/{alias}/messages``: queue it, or send it while the caller waits."""
        alias, wait = alias_of(call), call.query(SendingQuery).wait
        arguments = _arguments(call.json(NewMessage))
        key = call.request.headers.get("idempotency-key")
        if wait is None:
            queued = self._core.queue_email(alias, idempotency_key=key, **arguments)
            return self._answer(queued.delivery_id, HTTPStatus.ACCEPTED)
        for name in _FOR_LATER:
            if arguments.pop(name, None):
                raise RequestRefused(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "invalid_value",
                    f"{name} can't be given together with wait.",
                    remedy="Leave out wait: the message is then queued.",
                    field=name,
                )
        sent = self._core.send_email(alias, idempotency_key=key, timeout=wait, **arguments)
        return self._answer(sent.delivery_id, HTTPStatus.OK)

    def list(self, call: Call) -> Response:
        """``GET /deliveries``: the newest first, only of senders that the key is for."""
        wanted = call.query(DeliveryQuery)
        read = self._core.deliveries.listing(
            alias=wanted.alias,
            status=wanted.status,
            since=wanted.since,
            search=wanted.search,
            senders=call.caller.key.senders,
            after=None if wanted.cursor is None else _position(wanted.cursor),
            limit=wanted.limit + 1,
        )
        shown = read[: wanted.limit]
        following = _cursor(shown[-1]) if len(read) > len(shown) else None
        return json_response(DeliveryList(deliveries=shown, next=following))

    def inspect(self, call: Call) -> Response:
        """``GET /deliveries/{id}``."""
        return json_response(self._permitted(call))

    def arrived(self, call: Call) -> Response:
        """``POST /deliveries/{id}/arrived``: settle an unknown outcome as sent."""
        delivery = self._permitted(call)
        return json_response(self._core.deliveries.settle_as_sent(delivery.id, by=call.by))

    def discard(self, call: Call) -> Response:
        """``POST /deliveries/{id}/discard``: it is not sent (again)."""
        delivery = self._permitted(call)
        return json_response(self._core.deliveries.discard(delivery.id, by=call.by))

    def retry(self, call: Call) -> Response:
        """``POST /deliveries/{id}/retry``: put it into the queue again."""
        return self._change(call, self._core.queue.send_again, "sent again")

    def hold(self, call: Call) -> Response:
        """``POST /deliveries/{id}/hold``: it waits until it is released."""
        return self._change(call, self._core.queue.hold, "held")

    def release(self, call: Call) -> Response:
        """``POST /deliveries/{id}/release``: it waits no longer for a person or a time."""
        return self._change(call, self._core.queue.release, "released")

    def pause(self, call: Call) -> Response:
        """``POST /senders/{alias}/pause``: its queue waits until it is resumed."""
        return json_response(self._core.queue.pause(alias_of(call), by=call.by))

    def resume(self, call: Call) -> Response:
        """``POST /senders/{alias}/resume``."""
        return json_response(self._core.queue.resume(alias_of(call), by=call.by))

    def _change(self, call: Call, change: Callable[..., int], what: str) -> Response:
        delivery = self._permitted(call)
        if not change(ids=[delivery.id], by=call.by):
            raise DeliveryNotSettleable(
                f"Delivery {delivery.id} of sender {delivery.alias!r} is {delivery.status.value}, "
                f"so it cannot be {what}.",
                alias=delivery.alias,
            )
        return self._answer(delivery.id, HTTPStatus.OK)

    def _permitted(self, call: Call) -> Delivery:
        """Return the delivery that the address names, if the key is for its sender.

        Whether there is one of another sender, such a key does not learn.
        """
        delivery_id = str(call.request.path_params["delivery"])
        delivery = self._core.deliveries.get(delivery_id)
        if not call.caller.key.may_use(delivery.alias):
            raise DeliveryNotFound(f"There is no delivery {delivery_id!r}.")
        return delivery

    def _answer(self, delivery_id: str, status: HTTPStatus) -> Response:
        location = {"Location": f"/deliveries/{delivery_id}"}
        delivery = self._core.deliveries.get(delivery_id)
        return json_response(delivery, status=status, headers=location)


def _arguments(message: NewMessage) -> dict[str, Any]:
    given = {name: getattr(message, name) for name in message.model_fields_set}
    if "attachments" in given:
        given["attachments"] = [_attachment(file) for file in message.attachments]
    if message.inline is not None:
        given["inline"] = {name: _attachment(file) for name, file in message.inline.items()}
    return given


def _attachment(file: File) -> Attachment:
    return Attachment(filename=file.filename, content=file.content, content_type=file.content_type)


def _cursor(last: Delivery) -> str:
    return f"{last.created_at.isoformat()}_{last.id}"


def _position(cursor: str) -> DeliveryPosition:
    moment, _, delivery_id = cursor.partition("_")
    try:
        created_at = datetime.fromisoformat(moment)
        return DeliveryPosition(created_at=created_at.astimezone(UTC), id=str(UUID(delivery_id)))
    except (ValueError, OverflowError) as exc:
        raise RequestRefused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_value",
            "cursor must be next of the page before.",
            field="cursor",
        ) from exc
