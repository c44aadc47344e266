"""The title of the browser's tab."""

import streamlit as st


def draw(title: str, *, count: int = 0) -> None:
    """Name the tab after what it shows.

    Args:
        title: of the page.
        count: how many things there need a person.
    """
    needing = f"({count}) " if count else ""
    st.set_page_config(page_title=f"{needing}{title} · pal-e-mail")
