"""Deliveries as rows, and the dialog that shows the details of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

import streamlit as st

from admin_ui import delivery_decision, dialogs, queue_wording, wording
from admin_ui.access import Visitor
from admin_ui.markup import escaped, quiet, sentence
from mailcore import Delivery, DeliveryStatus, now

#: Labels and values; a value of None is left out.
Facts = list[tuple[str, str | None]]


def draw_deliveries(
    deliveries: Iterable[Delivery], zone: tzinfo, *, with_sender: bool = True
) -> None:
    """Draw one row for each delivery; its button opens the dialog."""
    with st.container(gap="xsmall"):
        for delivery in deliveries:
            _draw_row(delivery, zone, with_sender=with_sender)


def _draw_row(delivery: Delivery, zone: tzinfo, *, with_sender: bool) -> None:
    badge = wording.delivery_badge(delivery.status)
    undecided = delivery.status is DeliveryStatus.UNKNOWN
    parts = [f"to {_shortened(delivery.recipients)}"]
    if with_sender:
        parts.append(f"from {delivery.alias}")
    parts.append(wording.moment(delivery.created_at, zone))
    with st.container(border=True, key=f"delivery-{delivery.id}"):
        outcome, what, actions = st.columns([2, 14, 2], vertical_alignment="center", gap="xsmall")
        outcome.badge(badge.word, icon=badge.icon, color=badge.color)
        with what.container(gap=None):
            st.markdown(f"**{escaped(delivery.subject.strip()) or '(no subject)'}**")
            st.markdown(quiet(escaped(" · ".join(parts))))
            if delivery.waits_for:
                why = queue_wording.why_it_waits(delivery, now())
                st.markdown(quiet(escaped(why)))
            if delivery.error_text:
                st.markdown(quiet(sentence(delivery.error_text)))
        with actions.container(horizontal=True, horizontal_alignment="right"):
            if st.button(
                "Decide" if undecided else "Details",
                key=f"open-{delivery.id}",
                type="primary" if undecided else "secondary",
                help=f'Show "{escaped(delivery.subject)}"',
            ):
                dialogs.show(DeliveryDetail(delivery.id, zone))


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """Everything known about one delivery."""

    id: str
    zone: tzinfo

    @property
    def title(self) -> str:
        """The heading."""
        return "Delivery"

    def draw(self, visitor: Visitor) -> None:
        """Draw the message, the decision if one is needed, and the technical details."""
        delivery = visitor.core.deliveries.get(self.id)
        badge = wording.delivery_badge(delivery.status)
        st.badge(badge.word, icon=badge.icon, color=badge.color)
        _draw_facts(self._message(delivery))
        delivery_decision.draw(visitor, delivery)
        _draw_facts(self._details(delivery))

    def _message(self, delivery: Delivery) -> Facts:
        sent = wording.moment(delivery.sent_at, self.zone) if delivery.sent_at else None
        until = wording.moment(delivery.expires_at, self.zone) if delivery.expires_at else None
        later = None
        if delivery.send_at and delivery.send_at > now():
            later = wording.moment(delivery.send_at, self.zone)
        return [
            ("Subject", delivery.subject),
            ("To", ", ".join(delivery.recipients)),
            ("Sender", delivery.alias),
            ("Through its fallback", delivery.sent_through),
            ("Requested", wording.moment(delivery.created_at, self.zone)),
            ("Sent", sent),
            ("Not before", later),
            ("Expires", until),
            ("Error", delivery.error_text),
        ]

    def _details(self, delivery: Delivery) -> Facts:
        return [
            ("Attempts", str(delivery.attempts)),
            ("Message-ID", delivery.message_id),
            ("Gmail ID", delivery.gmail_id),
            ("Idempotency key", delivery.idempotency_key),
        ]


def _draw_facts(facts: Facts) -> None:
    with st.container(gap="xxsmall"):
        for name, value in facts:
            if value:
                st.markdown(f"**{name}:** {escaped(value)}")


def _shortened(recipients: tuple[str, ...]) -> str:
    first = recipients[0] if recipients else "nobody"
    return first if len(recipients) <= 1 else f"{first} and {len(recipients) - 1} more"
