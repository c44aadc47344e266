"""What a person can decide about one delivery: settle it, send it again, or take it out."""

import streamlit as st

from admin_ui import dialogs, error_notices, gmail_link, queue_wording
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import Delivery, DeliveryStatus, SenderNotFound, WaitsFor, now

_WAITING = (DeliveryStatus.QUEUED, DeliveryStatus.HELD)


def draw(visitor: Visitor, delivery: Delivery) -> None:
    """Draw the choices that there are, each with what it means."""
    if not (delivery.can_retry or delivery.can_discard):
        return
    st.divider()
    if delivery.status is DeliveryStatus.UNKNOWN:
        _draw_unknown(visitor, delivery)
    elif delivery.status in _WAITING:
        _draw_waiting(visitor, delivery)
    else:
        _draw_over(visitor, delivery)
    st.divider()


def _draw_unknown(visitor: Visitor, delivery: Delivery) -> None:
    """Three ends, none of which is preselected."""
    st.markdown(
        "The message was handed to Gmail, but no clear response came back, so it may or may not "
        "have been sent. Check the account's *Sent* folder, then decide."
    )
    _draw_sent_folder(visitor, delivery)
    if st.button("It arrived", icon=":material/mark_email_read:", width="stretch"):
        with error_notices.explained():
            visitor.core.deliveries.settle_as_sent(delivery.id, by=visitor.by)
            dialogs.close("Recorded as sent")
    st.caption(
        "Record it as sent. A job that retries with the same idempotency key gets a normal "
        "result, and nothing is sent."
    )
    if delivery.can_retry:
        _draw_retry(visitor, delivery)
        st.caption("If Gmail already accepted it, recipients will get it twice.")
    else:
        st.caption("The message itself is no longer stored, so it can't be sent again from here.")
    _draw_discard(visitor, delivery, "Discard")
    st.caption(
        "If you discard it, it won't be sent again. A job that retries with the same "
        "idempotency key gets an error."
    )


def _draw_sent_folder(visitor: Visitor, delivery: Delivery) -> None:
    try:
        account = visitor.core.senders.get(delivery.alias).gmail_account
    except SenderNotFound:
        return
    if account:
        st.link_button(
            f"Search the Sent folder of {escaped(account)}",
            gmail_link.sent_folder_url(account, delivery),
            icon=":material/search:",
            width="stretch",
        )


def _draw_waiting(visitor: Visitor, delivery: Delivery) -> None:
    queue = visitor.core.queue
    st.markdown(escaped(queue_wording.why_it_waits(delivery, now())))
    if delivery.held_by is None:
        if st.button("Hold", icon=":material/pause_circle:", width="stretch"):
            queue.hold(ids=[delivery.id], by=visitor.by)
            dialogs.close("Held")
        st.caption("Hold it until someone releases it.")
    if delivery.waits_for in {WaitsFor.RELEASE, WaitsFor.TIME}:
        if st.button("Release", icon=":material/play_circle:", width="stretch"):
            queue.release(ids=[delivery.id], by=visitor.by)
            dialogs.close("Released")
        st.caption("Let it go out as soon as its sender can send.")
    _draw_discard(visitor, delivery, "Cancel it")
    st.caption("It won't be sent. A job that retries with the same idempotency key gets an error.")


def _draw_over(visitor: Visitor, delivery: Delivery) -> None:
    st.markdown("It was not sent. The message is still stored, so it can be sent again.")
    _draw_retry(visitor, delivery)


def _draw_retry(visitor: Visitor, delivery: Delivery) -> None:
    if st.button("Send again", icon=":material/send:", width="stretch"):
        with error_notices.explained():
            with st.spinner("Sending …"):
                visitor.core.deliveries.retry(delivery.id, by=visitor.by)
            dialogs.close("Sent")


def _draw_discard(visitor: Visitor, delivery: Delivery, label: str) -> None:
    if st.button(label, icon=":material/delete:", width="stretch"):
        with error_notices.explained():
            visitor.core.deliveries.discard(delivery.id, by=visitor.by)
            dialogs.close("Discarded")
