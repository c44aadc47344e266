"""The dialog for a sender's own limits."""

from dataclasses import dataclass

import streamlit as st

from admin_ui import dialogs
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import SendingLimits


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """Asks for limits; an empty field leaves it to the deployment's."""

    alias: str
    limits: SendingLimits

    @property
    def title(self) -> str:
        """The heading."""
        return f"Limits of {escaped(self.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the form."""
        with st.form("limits", border=False):
            a_second = st.number_input(
                "Messages per second, from its queue",
                value=self.limits.messages_per_second,
                min_value=0.001,
                max_value=1000.0,
                step=1.0,
                placeholder="Deployment's default",
                help="Senders without a limit here use PALEMAIL_MESSAGES_PER_SECOND.",
            )
            messages = st.number_input(
                "Messages in any 24 hours",
                value=self.limits.messages_per_day,
                min_value=1,
                step=100,
                placeholder="Deployment's default",
                help="Beyond its own daily limit, Gmail may accept a message and not deliver "
                "it. Google gives that limit as 2,000 for Workspace and 500 for consumer "
                "accounts.",
            )
            recipients = st.number_input(
                "Recipients in any 24 hours",
                value=self.limits.recipients_per_day,
                min_value=1,
                step=100,
                placeholder="Deployment's default",
            )
            if not st.form_submit_button("Save", type="primary", width="stretch"):
                return
        visitor.core.queue.set_limits(
            self.alias,
            messages_per_second=a_second,
            messages_per_day=messages,
            recipients_per_day=recipients,
            by=visitor.by,
        )
        dialogs.close("Saved")
