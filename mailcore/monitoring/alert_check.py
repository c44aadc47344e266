"""The doctor's look at alerts: would anybody be told?"""

from mailcore.values.alerts import AlertHealth
from mailcore.values.checks import Finding, FindingState


def check_alerts(health: AlertHealth) -> Finding:
    """Return the finding on whether alerts reach anybody."""
    name = "Alerts"
    if not health.channels:
        return Finding(
            name=name,
            state=FindingState.NOTE,
            detail="no channel is in use, so nobody is told when a sender expires",
            remedy="Add one on the Setup page, or set PALEMAIL_ALERT_URLS where the worker runs.",
        )
    if health.silent_since is not None:
        return Finding(
            name=name,
            state=FindingState.BROKEN,
            detail=f"none has arrived for over 15 minutes: {health.error or 'no channel took it'}",
            remedy="Send the channels a test: `pal-e-mail alerts test`.",
        )
    channels = "1 channel" if health.channels == 1 else f"{health.channels} channels"
    return Finding(name=name, state=FindingState.OK, detail=f"{channels} in use")
