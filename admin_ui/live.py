"""Parts of a page that update in place, a second or two after what they show has changed.

While somebody can see the tab, its browser hears when there is anything new
(`admin_ui.changes`), and has the fragment drawn again. Streamlit's own ``run_every`` would draw
it every few seconds, whether or not anything has changed.
"""

import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import streamlit as st

from admin_ui import access, changes, error_notices
from admin_ui.deployment import installed
from mailcore import PalEMailError

_SCRIPT = Path(__file__).with_name("live.js").read_text(encoding="utf-8")

Found = TypeVar("Found")


def draw(
    name: str,
    look: Callable[[], Found],
    draw_found: Callable[[Found], None],
    *,
    as_shown: Callable[[Found], object],
) -> None:
    """Draw what a look finds, and draw the fragment again whenever it finds something else.

    An error of mailcore's is drawn in its place. Call it in a fragment.

    Args:
        name: of the part, one for each that a page has.
        look: finds what to draw; called from any thread, so it knows no session.
        draw_found: draws it.
        as_shown: reduces it to what can be seen, to compare: times as the words that are shown.
    """
    key = _key(name)
    with st.container(key=f"live-{name}"):
        st.button("Update", key=f"update-{name}")
        script = f'<script data-url="{changes.PATH}{key}">{_SCRIPT}</script>'
        st.html(script, unsafe_allow_javascript=True)
    seen = partial(_seen, look, as_shown, access.still_admitted())
    begun = time.monotonic()

    def remember(shown: object) -> None:
        installed().watches.put(key, seen, shown, time.monotonic() - begun)

    try:
        found = look()
    except PalEMailError as exc:
        remember(changes.failed(exc))
        error_notices.draw(exc)
        return
    # First: drawing may end this run, as a click on a button does.
    remember(as_shown(found))
    with error_notices.explained():
        draw_found(found)


def _seen(
    look: Callable[[], Found], as_shown: Callable[[Found], object], admitted: Callable[[], bool]
) -> object:
    # Whoever has been logged out sees none of it: the page says so when it is drawn anew.
    return as_shown(look()) if admitted() else None


def _key(name: str) -> str:
    """Return the key by which this tab asks: whoever has it can see what changes when."""
    keys: dict[str, str] = st.session_state.setdefault("live", {})
    return keys.setdefault(name, secrets.token_urlsafe(16))
