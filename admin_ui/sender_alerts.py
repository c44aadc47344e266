"""A sender's alerts, and who was told."""

import streamlit as st

from admin_ui import markup, timezone, wording
from admin_ui.access import Visitor
from mailcore import Alert, describe_alert, describe_notice, now

#: How many are shown, newest first.
_SHOWN = 20


def draw(visitor: Visitor, alias: str) -> None:
    """Draw the alerts; nothing if there were none."""
    alerts = visitor.core.alerts.list(alias, limit=_SHOWN)
    if not alerts:
        return
    with st.expander(f"Alerts ({len(alerts)})", icon=":material/notifications:"):
        for alert in alerts:
            _draw_alert(alert)


def _draw_alert(alert: Alert) -> None:
    zone, at = timezone.zone(), now()
    over = f" · over since {wording.moment(alert.closed_at, zone)}" if alert.closed_at else ""
    with st.container(gap=None):
        st.markdown(f"**{markup.escaped(describe_alert(alert.kind))}**")
        st.markdown(markup.quiet(f"{wording.moment(alert.raised_at, zone)}{over}"))
        for notice in alert.notices:
            st.markdown(markup.escaped(describe_notice(notice, at)))
        if not alert.notices:
            st.markdown("Nobody was told.")
