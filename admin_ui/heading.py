"""A page's heading: at the same height on every page, with its deeds beside it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def draw(title: str) -> DeltaGenerator:
    """Draw a page's title, which is Markdown, and return the place for what can be done."""
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title(title, anchor=False, width="stretch")
        return st.container(horizontal=True, width="content", gap="xsmall")
