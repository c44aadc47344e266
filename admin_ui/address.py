"""What the page's address says beyond its path, so that Back, reload and a shared link keep it.

Streamlit can bind widgets to the address itself, but not these: options would stand there with
their icons and counts, and what its server changes in the address, such as a page number that goes
back to 1, breaks the browser's Back. So the tab remembers, and the address follows.

A server that was started anew remembers nothing, and Streamlit does not tell it the address when a
tab connects again; but the tab still has it, so there the page is loaded anew.
"""

import json
from collections.abc import Iterable
from secrets import token_hex

import streamlit as st

_SCRIPT = """<script>{
  const here = new URL(location), session = window.palEMailSession;
  window.palEMailSession = %(session)s;
  for (const [name, value] of Object.entries(%(chosen)s))
    value ? here.searchParams.set(name, value) : here.searchParams.delete(name);
  if (here.href === location.href) {}
  else if (session && session !== window.palEMailSession) location.reload();
  else history.replaceState(history.state, "", here);
}</script>"""
#: What tells one session of the server from another.
_SESSION = "session"


def read(place: str, name: str) -> str:
    """Return what was chosen on a page: in this tab, or else in the address that it came with.

    Args:
        place: the page.
        name: of the choice, as in the address.

    Returns:
        The choice; empty if there is none.
    """
    return _chosen(place).setdefault(name, st.query_params.get(name, ""))


def arrive(place: str, names: Iterable[str]) -> None:
    """Take what the address says in place of what was chosen on a page before.

    Args:
        place: the page.
        names: of the choices.
    """
    _chosen(place).update((name, st.query_params.get(name, "")) for name in names)


def write(place: str, name: str, value: str) -> None:
    """Remember a choice; `draw` puts it into the address.

    Args:
        place: the page.
        name: of the choice.
        value: in this program's own words, or what somebody typed; empty for none.
    """
    _chosen(place)[name] = value


def draw(place: str) -> None:
    """Have the address say what was chosen on a page."""
    # "<" would end the script.
    chosen = json.dumps(_chosen(place)).replace("<", "\\u003c")
    session = st.session_state.setdefault(_SESSION, token_hex(8))
    values = {"chosen": chosen, "session": json.dumps(session)}
    with st.container(key="address"):
        st.html(_SCRIPT % values, unsafe_allow_javascript=True)


def _chosen(place: str) -> dict[str, str]:
    chosen: dict[str, str] = st.session_state.setdefault(f"address of {place}", {})
    return chosen
