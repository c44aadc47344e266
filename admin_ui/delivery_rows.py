"""Deliveries as rows, and the dialog that shows one and settles it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

import streamlit as st

from admin_ui import dialogs, error_notices, wording
from admin_ui.access import Visitor
from admin_ui.markup import escaped, quiet
from mailcore import Delivery, DeliveryStatus

#: Names and what to show beside them; what is None is left out.
Facts = list[tuple[str, str | None]]


def draw_deliveries(
    deliveries: Iterable[Delivery], zone: tzinfo, *, with_sender: bool = True
) -> None:
    """Draw one row a delivery; Details opens its dialog."""
    with st.container(gap="xsmall"):
        for delivery in deliveries:
            _draw_row(delivery, zone, with_sender=with_sender)


def _draw_row(delivery: Delivery, zone: tzinfo, *, with_sender: bool) -> None:
    badge = wording.delivery_badge(delivery.status)
    settle = delivery.status is DeliveryStatus.UNKNOWN
    parts = [f"to {_shortened(delivery.recipients)}"]
    if with_sender:
        parts.append(f"from {delivery.alias}")
    parts.append(wording.moment(delivery.created_at, zone))
    with st.container(border=True, key=f"delivery-{delivery.id}"):
        outcome, what, deeds = st.columns([2, 14, 2], vertical_alignment="center", gap="xsmall")
        outcome.badge(badge.word, icon=badge.icon, color=badge.color)
        with what.container(gap=None):
            st.markdown(f"**{escaped(delivery.subject.strip()) or '(no subject)'}**")
            st.markdown(quiet(escaped(" · ".join(parts))))
            if delivery.error_text:
                st.markdown(quiet(escaped(wording.first_sentence(delivery.error_text))))
        with deeds.container(horizontal=True, horizontal_alignment="right"):
            if st.button(
                "Decide" if settle else "Details",
                key=f"open-{delivery.id}",
                type="primary" if settle else "secondary",
                help=f"Show “{escaped(delivery.subject)}”",
            ):
                dialogs.show(DeliveryDetail(delivery.id, zone))


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """All that is known of one delivery."""

    id: str
    zone: tzinfo

    @property
    def title(self) -> str:
        """The heading."""
        return "Delivery"

    def draw(self, visitor: Visitor) -> None:
        """Draw what it is about, the decision where there is one, and the record."""
        delivery = visitor.core.deliveries.get(self.id)
        badge = wording.delivery_badge(delivery.status)
        st.badge(badge.word, icon=badge.icon, color=badge.color)
        _draw_facts(self._about(delivery))
        if delivery.can_discard:
            _draw_decision(visitor, delivery)
        _draw_facts(self._record(delivery))

    def _about(self, delivery: Delivery) -> Facts:
        sent = wording.moment(delivery.sent_at, self.zone) if delivery.sent_at else None
        until = wording.moment(delivery.expires_at, self.zone) if delivery.expires_at else None
        return [
            ("Subject", delivery.subject),
            ("To", ", ".join(delivery.recipients)),
            ("Sender", delivery.alias),
            ("Asked for", wording.moment(delivery.created_at, self.zone)),
            ("Sent", sent),
            ("Not to be sent after", until),
            ("Error", delivery.error_text),
        ]

    def _record(self, delivery: Delivery) -> Facts:
        return [
            ("Attempts", str(delivery.attempts)),
            ("Message-ID", delivery.message_id),
            ("Gmail id", delivery.gmail_id),
            ("Idempotency key", delivery.idempotency_key),
        ]


def _draw_facts(facts: Facts) -> None:
    with st.container(gap="xxsmall"):
        for name, value in facts:
            if value:
                st.markdown(f"**{name}:** {escaped(value)}")


def _draw_decision(visitor: Visitor, delivery: Delivery) -> None:
    st.divider()
    if delivery.status is DeliveryStatus.UNKNOWN:
        st.markdown(
            "The connection was lost after the mail had been handed over, so nobody can tell "
            "from here whether Gmail took it. Look into the sender's *Sent* folder, then decide."
        )
        if delivery.can_retry:
            if st.button("Send again", type="primary", icon=":material/send:", width="stretch"):
                _retry(visitor, delivery)
            st.caption("**Send again** sends it now. If Gmail had taken it, people get it twice.")
        else:
            st.caption("The message itself is no longer stored, so it cannot be sent again here.")
    elif delivery.status is DeliveryStatus.HELD:
        st.markdown("It waits for its sender to be re-authorised and then goes out by itself.")
    else:
        st.markdown("It waits for its turn and then goes out by itself.")
    if st.button("Discard", icon=":material/delete:", width="stretch"):
        with error_notices.explained():
            visitor.core.deliveries.discard(delivery.id, by=visitor.by)
            dialogs.close("Discarded")
    st.caption("**Discard** closes the case: it is not sent (again), and jobs are told so.")
    st.divider()


def _retry(visitor: Visitor, delivery: Delivery) -> None:
    with error_notices.explained():
        with st.spinner("Sending …"):
            visitor.core.deliveries.retry(delivery.id, by=visitor.by)
        dialogs.close("Sent")


def _shortened(recipients: tuple[str, ...]) -> str:
    first = recipients[0] if recipients else "nobody"
    return first if len(recipients) <= 1 else f"{first} and {len(recipients) - 1} more"
