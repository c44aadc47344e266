"""An open page does not keep the database busy."""

import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    """A list that takes a moment to read, for a question that the session knows."""
    # Streamlit runs this function's text alone.
    import threading  # noqa: PLC0415

    import streamlit as st  # noqa: PLC0415

    from admin_ui import pacing  # noqa: PLC0415
    from mailcore import SearchTooSlow  # noqa: PLC0415

    def read() -> str:
        st.session_state.reads = st.session_state.get("reads", 0) + 1
        threading.Event().wait(st.session_state.takes)
        if st.session_state.fails:
            raise SearchTooSlow("It took too long.")
        return "read"

    if st.session_state.get("drawn anew"):
        pacing.forget()
    try:
        st.text(pacing.paced(st.session_state.asked, read))
    except SearchTooSlow as exc:
        st.text(exc.message)


def page(*, takes: float, fails: bool = False) -> AppTest:
    app = AppTest.from_function(_page)
    for name, value in {"takes": takes, "fails": fails, "asked": ("disk", 0)}.items():
        app.session_state[name] = value
    return app.run()


@pytest.mark.parametrize("fails", [False, True])
def test_a_slow_search_is_not_repeated_every_few_seconds(fails: bool) -> None:
    """The timer that refreshes the list shows what is known, also that it took too long."""
    app = page(takes=0.2, fails=fails)
    first = app.text[0].value
    app.run()
    assert app.session_state["reads"] == 1
    assert app.text[0].value == first


def test_another_question_and_a_click_are_answered_at_once() -> None:
    """Only the timer waits; a person does not."""
    app = page(takes=0.2)
    app.session_state["asked"] = ("disk", 25)
    app.run()
    assert app.session_state["reads"] == 2
    app.session_state["drawn anew"] = True
    app.run()
    assert app.session_state["reads"] == 3


def test_a_fast_list_is_read_each_time() -> None:
    """Where reading costs nothing, the list is as fresh as its timer."""
    app = page(takes=0)
    app.run()
    assert app.session_state["reads"] == 2
